//! Times as a connection keeps them while it is idle: small, and without holes around them.

use mafo_mem::Nanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A stretch of time in 32 bits, up to nine minutes: eighths of a microsecond, which is what Linux smooths its
/// round trips in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) u32);

/// Nanoseconds in an eighth of a microsecond.
const EIGHTH: u64 = 125;

impl Span {
    pub(crate) const ZERO: Self = Self(0);
    /// Longer than any other, which stands for none where there may be none.
    pub(crate) const MAX: Self = Self(u32::MAX);

    /// `time` rounded down, and no more than the longest but one.
    pub(crate) fn of(time: Nanos) -> Self {
        Self((time.0 / EIGHTH).min(u64::from(u32::MAX - 1)) as u32)
    }

    pub(crate) fn get(self) -> Nanos {
        Nanos(u64::from(self.0) * EIGHTH)
    }
}

/// A point in time whose alignment is that of a `u32`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment([u32; 2]);

impl Moment {
    pub(crate) const fn of(at: Nanos) -> Self {
        Self([at.0 as u32, (at.0 >> 32) as u32])
    }

    pub(crate) const fn get(self) -> Nanos {
        let Self([low, high]) = self;
        Nanos((high as u64) << 32 | low as u64)
    }
}

/// As a whole number.
impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nanos::deserialize(deserializer).map(Self::of)
    }
}

impl core::fmt::Debug for Moment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_exact_to_an_eighth_of_a_microsecond_up_to_nine_minutes() {
        assert_eq!(Span::of(Nanos(124)), Span::ZERO);
        assert_eq!(Span::of(Nanos(125_374)).get(), Nanos(125_250));
        assert_eq!(Span::of(Nanos::from_secs(536)).get(), Nanos::from_secs(536));
        assert!(Span::of(Nanos::MAX) < Span::MAX);
    }

    #[test]
    fn a_moment_is_exact() {
        for at in [Nanos::ZERO, Nanos(0xffff_ffff), Nanos(0x1234_5678_9abc_def0), Nanos::MAX] {
            assert_eq!(Moment::of(at).get(), at);
        }
    }
}
