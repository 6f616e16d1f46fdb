//! The hand that pulls the plug.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle on the carrier of a wire, for whoever cuts it: a fault injector, a user's command.
///
/// From the instant of the cut no frame passes either way, and what was under way is lost, even if
/// the carrier is back before an end looks. Clones are handles on the same cable; it may be held and
/// used by any thread.
#[derive(Clone, Debug)]
pub struct Cable {
    carrier: Arc<Carrier>,
}

/// How often the carrier changed: even with carrier, odd without. A frame that was sent in one
/// period cannot arrive in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(u64);

#[derive(Debug)]
struct Carrier {
    period: AtomicU64,
}

/// Set for good when an end of the cable is gone.
const UNPLUGGED: u64 = 1 << 63;

impl Cable {
    /// A cable with carrier.
    pub(crate) fn new() -> Self {
        Self { carrier: Arc::new(Carrier { period: AtomicU64::new(0) }) }
    }

    /// Cuts the cable or mends it. Nothing happens if it is already so, or if one end is gone.
    pub fn set_carrier(&self, up: bool) {
        let change = |period: u64| {
            (Period(period).carrier() != up && period & UNPLUGGED == 0).then_some(period + 1)
        };
        // Release pairs with the Acquire in `period`.
        let _ = self.carrier.period.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }

    /// Whether there is a carrier.
    #[must_use]
    pub fn carrier(&self) -> bool {
        self.period().carrier()
    }

    /// Ends the carrier for good: an end is gone.
    pub(crate) fn unplug(&self) {
        self.set_carrier(false);
        self.carrier.period.fetch_or(UNPLUGGED, Ordering::AcqRel);
    }

    pub(crate) fn period(&self) -> Period {
        // Acquire pairs with the Release in `set_carrier`.
        Period(self.carrier.period.load(Ordering::Acquire) & !UNPLUGGED)
    }
}

impl Period {
    /// From when the cable is made to its first cut.
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn carrier(self) -> bool {
        self.0 & 1 == 0
    }

    /// How often the carrier changed until now.
    pub(crate) fn changes(self) -> u64 {
        self.0
    }
}
