//! Which TIDs are free, and in what order they are given out.

use mafo_t4::Tid;

/// The free TIDs of the active region.
///
/// On silicon the number of a connection follows from a hash of its addresses, so two cards number the
/// same connections unlike. Here the order of first use is a permutation drawn from a seed; a released
/// TID is the next one to be given out, which keeps TCBs warm and makes a message that outlived its
/// connection meet its successor as soon as it can.
#[derive(Debug)]
pub struct Tids {
    base: u32,
    count: u32,
    /// First TID of the permutation, relative to `base`.
    start: u32,
    /// Distance from one fresh TID to the next; coprime to `count`, so that all are visited.
    step: u32,
    /// How many TIDs have been given out for the first time.
    fresh: u32,
    released: Vec<u32>,
}

impl Tids {
    /// `count` TIDs from `base` on, in the order that `seed` draws (0: ascending).
    #[must_use]
    pub fn new(base: u32, count: u32, seed: u64) -> Self {
        let (start, step) = if seed == 0 || count < 3 {
            (0, 1)
        } else {
            let draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let start = ((draw >> 32) % u64::from(count)) as u32;
            let mut step = (draw as u32 % (count - 1)) + 1;
            while gcd(step, count) != 1 {
                step = step % (count - 1) + 1;
            }
            (start, step)
        };
        Self { base, count, start, step, fresh: 0, released: Vec::new() }
    }

    /// TIDs given out and not released.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.fresh - self.released.len() as u32
    }

    /// One past the highest TID of the region.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.base + self.count
    }

    /// A free TID; `None` when the region is full.
    pub fn allocate(&mut self) -> Option<Tid> {
        if let Some(tid) = self.released.pop() {
            return Some(Tid(tid));
        }
        if self.fresh == self.count {
            return None;
        }
        let position = (u64::from(self.start) + u64::from(self.fresh) * u64::from(self.step))
            % u64::from(self.count);
        self.fresh += 1;
        Some(Tid(self.base + position as u32))
    }

    /// Takes back a TID that [`Tids::allocate`] gave. The owner of the TCB table vouches that it is in use.
    pub fn release(&mut self, tid: Tid) {
        debug_assert!((self.base..self.end()).contains(&tid.0), "{tid:?} is not of this region");
        debug_assert!(self.in_use() > 0, "{tid:?} released, none in use");
        self.released.push(tid.0);
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tid_is_given_out_once_whatever_the_order() {
        for count in [1, 2, 3, 4, 12, 97, 1024] {
            for seed in [0, 1, 2, 0xdead_beef, u64::MAX] {
                let mut tids = Tids::new(5, count, seed);
                let mut seen: Vec<u32> =
                    std::iter::from_fn(|| tids.allocate()).map(|tid| tid.0).collect();
                seen.sort_unstable();
                assert_eq!(seen, (5..5 + count).collect::<Vec<_>>(), "count {count}, seed {seed}");
                assert_eq!(tids.in_use(), count);
            }
        }
    }

    #[test]
    fn two_seeds_number_unlike() {
        let first = |seed| {
            let mut tids = Tids::new(0, 16_384, seed);
            [tids.allocate(), tids.allocate(), tids.allocate()]
        };
        assert_eq!(first(0), [Some(Tid(0)), Some(Tid(1)), Some(Tid(2))]);
        assert_ne!(first(1), first(2));
        assert_ne!(first(1), first(0));
    }

    #[test]
    fn a_released_tid_is_next() {
        let mut tids = Tids::new(0, 2, 0);
        let (a, _b) = (tids.allocate().expect("free"), tids.allocate().expect("free"));
        assert_eq!(tids.allocate(), None);
        tids.release(a);
        assert_eq!(tids.in_use(), 1);
        assert_eq!(tids.allocate(), Some(a));
        assert_eq!(tids.allocate(), None);
    }
}
