//! What work is charged by.

/// A counter that somebody outside reads, such as a processor's time stamps, for code that may know no clock; without
/// one nothing is charged and nothing is spent on charging.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter(Option<fn() -> u64>);

impl Meter {
    /// Charges by what `read` returns, which never runs backwards.
    #[must_use]
    pub const fn by(read: fn() -> u64) -> Self {
        Self(Some(read))
    }

    /// Whether somebody wants to know.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.0.is_some()
    }

    /// What it shows now; 0 without a counter.
    #[must_use]
    pub fn now(self) -> u64 {
        self.0.map_or(0, |read| read())
    }

    /// How far it has come since it showed `start`.
    #[must_use]
    pub fn since(self, start: u64) -> u64 {
        self.now().saturating_sub(start)
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_meter_shows_what_it_is_given_or_nothing() {
        static SHOWN: AtomicU64 = AtomicU64::new(5);
        let meter = Meter::by(|| SHOWN.fetch_add(3, Ordering::Relaxed));
        assert_eq!((meter.is_on(), meter.now(), meter.since(6)), (true, 5, 2));
        assert_eq!(meter.since(100), 0);
        let off = Meter::default();
        assert_eq!((off.is_on(), off.now(), off.since(0)), (false, 0, 0));
    }
}
