//! The hand that pulls the plug.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::lost::{LossLog, LostFrame};

/// A handle on the carrier of a wire, for whoever cuts it: a fault injector, a user's command.
///
/// From the instant of the cut no frame passes either way, and what was under way is lost, even if
/// the carrier is back before an end looks. Clones are handles on the same cable; it may be held and
/// used by any thread, and keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Cable {
    carrier: Arc<Carrier>,
}

/// How often the carrier changed: even with carrier, odd without. A frame that was sent in one
/// period cannot arrive in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(u64);

/// What a cable runs over and has to be told.
pub(crate) trait Carriage: Send + Sync + std::fmt::Debug {
    /// The carrier went: lose what is under way.
    fn cut(&self);
    /// The carrier is about to come back.
    fn mend(&self);
}

#[derive(Debug)]
struct Carrier {
    period: AtomicU64,
    /// Held while the carrier changes, so that carriage and period agree.
    carriage: Mutex<Option<Weak<dyn Carriage>>>,
    lost: LossLog,
    /// What the wires that look at it lose.
    dark: AtomicBool,
}

/// Set for good when an end of the cable is gone.
const UNPLUGGED: u64 = 1 << 63;

impl Cable {
    /// A cable with carrier.
    pub(crate) fn new() -> Self {
        Self::with(None, LossLog::default())
    }

    /// A cable with carrier over something outside, which notes in `lost` what it loses.
    pub(crate) fn over(carriage: Arc<impl Carriage + 'static>, lost: LossLog) -> Self {
        let carriage: Arc<dyn Carriage> = carriage;
        Self::with(Some(Arc::downgrade(&carriage)), lost)
    }

    fn with(carriage: Option<Weak<dyn Carriage>>, lost: LossLog) -> Self {
        let period = AtomicU64::new(0);
        let dark = AtomicBool::new(false);
        let carrier = Carrier { period, carriage: Mutex::new(carriage), lost, dark };
        Self { carrier: Arc::new(carrier) }
    }

    /// Cuts the cable or mends it. Nothing happens if it is already so, or if one end is gone.
    pub fn set_carrier(&self, up: bool) {
        let carriage = self.carrier.carriage.lock().unwrap_or_else(PoisonError::into_inner);
        let period = self.carrier.period.load(Ordering::Acquire);
        if Period(period).carrier() == up || period & UNPLUGGED != 0 {
            return;
        }
        let carriage = carriage.as_ref().and_then(Weak::upgrade);
        if let (Some(carriage), true) = (&carriage, up) {
            carriage.mend();
        }
        // Release pairs with the Acquire in `period`.
        self.carrier.period.fetch_add(1, Ordering::AcqRel);
        if let (Some(carriage), false) = (&carriage, up) {
            carriage.cut();
        }
    }

    /// Whether there is a carrier.
    #[must_use]
    pub fn carrier(&self) -> bool {
        self.period().carrier()
    }

    /// Makes the path dark, or light again, where a [`BlackHole`](crate::BlackHole) is plugged into this cable: frames
    /// get lost, and the carrier stays.
    pub fn set_dark(&self, dark: bool) {
        self.carrier.dark.store(dark, Ordering::Relaxed);
    }

    /// Whether it is dark.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        self.carrier.dark.load(Ordering::Relaxed)
    }

    /// Keeps the beginnings of all frames that are lost from now on because the carrier went (those that were under
    /// way, and those that were sent before an end saw it) or the path is dark.
    pub fn watch_lost(&self) {
        self.carrier.lost.watch();
    }

    /// What was lost since [`Cable::watch_lost`], or since the last time: as far as an end has noticed, and
    /// 65,536 frames at most.
    pub fn take_lost(&self) -> Vec<LostFrame> {
        self.carrier.lost.take()
    }

    pub(crate) fn lost(&self) -> &LossLog {
        &self.carrier.lost
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
