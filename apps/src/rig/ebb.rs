//! How long it is waited for what is given back last.

use mafo::Nanos;

/// How long nothing may be given back before what is left counts as left for good.
const TIME: Nanos = Nanos::from_millis(500);
/// How often it has to have been looked at in that time: who had no processor has polled nothing, and heard nothing.
const LOOKS: u32 = 500;

/// Things that become fewer.
#[derive(Debug)]
pub(super) struct Ebb {
    /// The fewest so far, since when, and how often it was looked at since then.
    least: usize,
    since: Nanos,
    looks: u32,
}

impl Ebb {
    /// There are `left` of them `now`.
    pub(super) fn new(left: usize, now: Nanos) -> Self {
        Self { least: left, since: now, looks: 0 }
    }

    /// There are `left` of them `now`: whether that is none, or will not become less any more.
    pub(super) fn is_over(&mut self, left: usize, now: Nanos) -> bool {
        if left < self.least {
            *self = Self::new(left, now);
        }
        self.looks += 1;
        left == 0 || self.looks > LOOKS && now - self.since >= TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    #[test]
    fn what_becomes_less_is_waited_for() {
        let mut ebb = Ebb::new(3, MS(0));
        let mut looks = |ms: u64, left| (0..LOOKS).any(|_| ebb.is_over(left, MS(ms)));
        assert!(!looks(400, 3) && !looks(499, 2) && !looks(900, 1), "each time anew");
        assert!(!looks(1_399, 1));
        assert!(looks(1_400, 1), "the last one stays");
        assert!(Ebb::new(3, MS(0)).is_over(0, MS(1)), "nothing is left");
    }

    #[test]
    fn who_had_no_processor_is_given_time() {
        let mut ebb = Ebb::new(2, MS(0));
        assert!((0..LOOKS).all(|_| !ebb.is_over(2, MS(60_000))));
        assert!(ebb.is_over(2, MS(60_001)));
    }
}
