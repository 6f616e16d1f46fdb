//! Lateness drawn from the seed: what silicon and PCIe leave open, a test explores.
//!
//! A doorbell, a DMA write and a firmware reply may each take effect some polls later than they were
//! made. Within one queue they keep their order; between queues there is none.

use std::collections::VecDeque;

use rand_core::Rng as _;
use rand_pcg::Pcg64Mcg;

/// Counts polls and draws how many of them the next event is late.
#[derive(Debug)]
pub struct Lateness {
    rng: Pcg64Mcg,
    max_polls: u32,
    poll: u64,
}

impl Lateness {
    /// Draws 0 to `max_polls` from `seed`.
    #[must_use]
    pub fn new(seed: u64, max_polls: u32) -> Self {
        // The generator wants an odd state; the constant spreads small seeds.
        let state = u128::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1;
        Self { rng: Pcg64Mcg::new(state), max_polls, poll: 0 }
    }

    /// Whether anything is ever late.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.max_polls == 0
    }

    /// The next poll begins.
    pub fn advance(&mut self) {
        self.poll += 1;
    }

    /// The poll that runs, or ran last.
    #[must_use]
    pub fn poll(&self) -> u64 {
        self.poll
    }

    /// The same for a doorbell of an Ethernet queue, which may be later than others by so many polls.
    pub fn draw_later(&mut self, more: u32) -> u64 {
        let late = if more == 0 { 0 } else { self.rng.next_u64() % (u64::from(more) + 1) };
        self.draw() + late
    }

    /// In which poll an event that is made now takes effect.
    pub fn draw(&mut self) -> u64 {
        if self.is_off() {
            return self.poll;
        }
        let late = self.rng.next_u64() % (u64::from(self.max_polls) + 1);
        self.poll + late
    }
}

/// Events of one queue: each has its time, none overtakes another.
#[derive(Debug)]
pub struct Late<T> {
    queue: VecDeque<(u64, T)>,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new() }
    }
}

impl<T> Late<T> {
    /// Adds an event that takes effect in poll `due`, or when the one before it does if that is later.
    pub fn push(&mut self, due: u64, event: T) {
        self.queue.push_back((due, event));
    }

    /// The next event whose time has come.
    pub fn pop_due(&mut self, poll: u64) -> Option<T> {
        match self.queue.front() {
            Some((due, _)) if *due <= poll => self.queue.pop_front().map(|(_, event)| event),
            _ => None,
        }
    }

    /// The next event, whether its time has come or not.
    pub fn pop(&mut self) -> Option<T> {
        self.queue.pop_front().map(|(_, event)| event)
    }

    /// The oldest event that waits.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.queue.front().map(|(_, event)| event)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_late_in_production() {
        let mut lateness = Lateness::new(1, 0);
        lateness.advance();
        assert_eq!((lateness.draw(), lateness.draw()), (1, 1));
    }

    #[test]
    fn lateness_covers_its_range_and_repeats_from_its_seed() {
        let draws = |seed| {
            let mut lateness = Lateness::new(seed, 3);
            (0..200).map(|_| lateness.draw()).collect::<Vec<_>>()
        };
        let first = draws(7);
        assert_eq!(first, draws(7));
        assert_ne!(first, draws(8));
        for late in 0..=3 {
            assert!(first.contains(&late), "never {late} polls late");
        }
        assert!(first.iter().all(|late| *late <= 3));
    }

    #[test]
    fn some_may_be_later_than_others() {
        let mut lateness = Lateness::new(1, 0);
        let draws: Vec<u64> = (0..100).map(|_| lateness.draw_later(5)).collect();
        assert!(draws.contains(&5) && draws.contains(&0) && draws.iter().all(|&late| late <= 5));
        assert_eq!((lateness.draw_later(0), lateness.draw()), (0, 0));
    }

    #[test]
    fn one_queue_keeps_its_order() {
        let mut late = Late::default();
        late.push(5, 'a');
        late.push(2, 'b');
        late.push(9, 'c');
        assert_eq!(late.pop_due(4), None, "b waits for a");
        assert_eq!(
            (late.pop_due(5), late.pop_due(5), late.pop_due(5)),
            (Some('a'), Some('b'), None)
        );
        assert_eq!(late.pop_due(9), Some('c'));
        assert!(late.is_empty());
    }
}
