//! A limit on how often something is done within a second.

use mafo_mem::Nanos;

const SECOND: Nanos = Nanos::from_secs(1);

/// Counts within seconds that begin with the first event after the last one ended.
///
/// Per connection, so that one connection's count says nothing to whoever can watch another's. A limit for all
/// connections together, as RFC 5961 section 7 also suggests, tells an attacker who has one of them what happens on the
/// others (Cao et al., "Off-Path TCP Exploits", USENIX Security 2016); Linux first made its own random and then
/// unlimited. The work that it would save is bounded anyway, by one answer a segment received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimit {
    began: Nanos,
    count: u8,
}

impl RateLimit {
    pub(crate) const NEW: Self = Self { began: Nanos::ZERO, count: 0 };

    /// Whether one more is within `max` a second; if so it is counted.
    pub(crate) fn take(&mut self, now: Nanos, max: u8) -> bool {
        if self.is_over(now) {
            *self = Self { began: now, count: 0 };
        }
        let allowed = self.count < max;
        self.count += u8::from(allowed);
        allowed
    }

    /// Whether nothing of it need be remembered.
    pub(crate) fn is_over(self, now: Nanos) -> bool {
        self.count == 0 || now - self.began >= SECOND
    }

    /// The count, and how long ago its second began; nothing once that second is over.
    pub(crate) fn checkpoint(self, now: Nanos) -> (u8, Nanos) {
        if self.is_over(now) { (0, Nanos::ZERO) } else { (self.count, now - self.began) }
    }

    pub(crate) fn restore((count, age): (u8, Nanos), now: Nanos) -> Self {
        if count == 0 { Self::NEW } else { Self { began: now - age, count } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_allows_so_many_and_the_next_as_many_again() {
        let mut limit = RateLimit::NEW;
        let at = |ms: u64| Nanos::from_millis(5_000 + ms);
        assert!(limit.take(at(0), 2) && limit.take(at(500), 2));
        assert!(!limit.take(at(999), 2));
        assert!(limit.take(at(1000), 2) && limit.take(at(1000), 2));
        assert!(!limit.take(at(1999), 2));
    }

    #[test]
    fn a_restored_limit_goes_on() {
        let mut limit = RateLimit::NEW;
        assert!(limit.take(Nanos::from_secs(9), 1));
        let checkpoint = limit.checkpoint(Nanos::from_millis(9_400));
        let mut other = RateLimit::restore(checkpoint, Nanos::from_millis(70_400));
        assert!(!other.take(Nanos::from_millis(70_999), 1));
        assert!(other.take(Nanos::from_millis(71_000), 1));
        assert_eq!(limit.checkpoint(Nanos::from_secs(10)), (0, Nanos::ZERO));
    }
}
