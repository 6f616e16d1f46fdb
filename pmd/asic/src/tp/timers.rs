//! When which connection wants to be looked at.

use mafo_mem::{Nanos, Wheel};
use mafo_t4::Tid;

/// A timing wheel by TID, lazy about deadlines that move later ([`Wheel::arm`]).
#[derive(Debug)]
pub(crate) struct Timers {
    wheel: Wheel,
    base: u32,
}

impl Timers {
    /// For `tids` connections from TID `base` on.
    pub(crate) fn new(base: u32, tids: u32) -> Self {
        Self { wheel: Wheel::with_capacity(tids as usize), base }
    }

    /// Sees to it that the connection is looked at by `deadline`.
    #[inline]
    pub(crate) fn arm(&mut self, tid: Tid, deadline: Option<Nanos>) {
        if let Some(deadline) = deadline {
            self.wheel.arm(tid.0 - self.base, deadline);
        }
    }

    /// The connection is over.
    pub(crate) fn disarm(&mut self, tid: Tid) {
        self.wheel.disarm(tid.0 - self.base);
    }

    /// The next connection that is to be looked at. It is armed no more.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<Tid> {
        self.wheel.pop_due(now).map(|index| Tid(self.base + index))
    }

    /// Bytes of the wheel.
    pub(crate) fn footprint(&self) -> usize {
        self.wheel.footprint()
    }

    /// When [`Timers::pop_due`] next has one, if anybody waits; or earlier, if somebody waits no longer.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.wheel.next()
    }
}
