//! The clock of a polling loop.

use std::time::Instant;

use mafo_mem::Nanos;

/// A monotonic clock whose origin is its own start.
///
/// Only the outermost loop of a program owns one; everything below receives its reading as `now`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows [`Nanos::ZERO`] now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start, in nanoseconds (584 years of them).
    #[must_use]
    pub fn now(&self) -> Nanos {
        Nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards() {
        let clock = Clock::start();
        let mut last = clock.now();
        let mut advanced = false;
        for _ in 0..100_000 {
            let now = clock.now();
            assert!(now >= last, "{now:?} after {last:?}");
            advanced |= now > last;
            last = now;
        }
        assert!(advanced, "the clock stands still");
    }
}
