//! The clock that both processes read.

use mafo::Nanos;

use crate::sys;

/// Nanoseconds of CLOCK_MONOTONIC, which is one clock for all processes of a machine: an instant
/// that the parent took means the same to the peer process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

/// For a peer inside the process, whose clock is the caller's.
impl From<Nanos> for Monotonic {
    fn from(now: Nanos) -> Self {
        Self(now.0)
    }
}

impl Monotonic {
    /// This instant.
    #[must_use]
    pub fn now() -> Self {
        Self(sys::monotonic_ns())
    }

    /// Nanoseconds since `earlier`; 0 if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
