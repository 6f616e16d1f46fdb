//! How the card is told: doorbells and credit returns in the queue's part of BAR2.

use std::fmt;
use std::sync::Arc;

use mafo_t4::Bar;
use mafo_t4::regs::bar2::{Area, DoorbellKind};

/// The card's registers, shared by all that drive it.
pub type SharedBar = Arc<dyn Bar + Send + Sync>;

/// The doorbell of an egress queue or freelist.
#[derive(Clone)]
pub(crate) struct Doorbell {
    bar: SharedBar,
    area: Area,
    kind: DoorbellKind,
}

impl Doorbell {
    pub(crate) fn new(bar: SharedBar, area: Area, kind: DoorbellKind) -> Self {
        Self { bar, area, kind }
    }

    pub(crate) fn kind(&self) -> DoorbellKind {
        self.kind
    }

    /// `units` of 64 bytes more. What they hold is in memory: the bar orders it before the doorbell.
    #[inline]
    pub(crate) fn ring(&self, units: u16) {
        let (offset, word) = self.area.doorbell(u32::from(units), self.kind);
        self.bar.write_doorbell(offset, word.0);
    }

    /// One unit more, and here it is; false when the queue has no write-combining unit.
    #[inline]
    pub(crate) fn write_combined(&self, unit: &[u8; 64]) -> bool {
        let Some(offset) = self.area.write_combine() else { return false };
        self.bar.write_combined(offset, unit);
        true
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorbell").field("area", &self.area).field("kind", &self.kind).finish()
    }
}

/// The credit return of an ingress queue.
#[derive(Clone)]
pub(crate) struct Gts {
    bar: SharedBar,
    area: Area,
}

impl Gts {
    pub(crate) fn new(bar: SharedBar, area: Area) -> Self {
        Self { bar, area }
    }

    /// Gives `entries` back, without an interrupt.
    #[inline]
    pub(crate) fn credits(&self, entries: u16) {
        let (offset, word) = self.area.gts(u32::from(entries));
        self.bar.write_doorbell(offset, word.0);
    }
}

impl fmt::Debug for Gts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gts").field("area", &self.area).finish()
    }
}
