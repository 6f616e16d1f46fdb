//! Cables with a witness: every frame that a host puts on one or takes from one is shown to the checker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mafo::capacity_for_mtu;
use mafo::wire::mem::MemEnd;
use mafo::wire::{Wire, switch};
use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::check::Checker;
use crate::check::Place;

/// An Ethernet address.
pub(crate) type Mac = switch::Mac;

/// Whether a cable swallows what goes out by it, and what comes in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hole(Arc<[AtomicBool; 2]>);

impl Hole {
    /// From now on.
    pub(crate) fn set(&self, ways: [bool; 2]) {
        for (swallows, way) in self.0.iter().zip(ways) {
            swallows.store(way, Ordering::Relaxed);
        }
    }

    fn out(&self) -> bool {
        self.0[0].load(Ordering::Relaxed)
    }

    fn inwards(&self) -> bool {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// A host's end of a cable.
pub(crate) struct Witnessed {
    wire: MemEnd,
    place: Place,
    checker: Arc<Mutex<Checker>>,
    hole: Hole,
}

impl Witnessed {
    pub(crate) fn new(wire: MemEnd, place: Place, checker: &Arc<Mutex<Checker>>) -> Self {
        Self { wire, place, checker: Arc::clone(checker), hole: Hole::default() }
    }

    /// What makes the cable swallow frames.
    pub(crate) fn hole(&self) -> Hole {
        self.hole.clone()
    }
}

impl Wire for Witnessed {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        if self.hole.inwards() {
            let mut swallowed = FrameBurst::new(burst.room(), capacity_for_mtu(1500));
            self.wire.rx_burst(now, &mut swallowed);
            return 0;
        }
        let before = burst.len();
        let received = self.wire.rx_burst(now, burst);
        if received > 0 {
            let mut checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner);
            for frame in &burst.frames()[before..] {
                checker.arrived(now, self.place, frame.as_slice());
            }
        }
        received
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        // Without carrier frames are taken but never were on the cable.
        let carrier = self.wire.link_up(now);
        let taken = if self.hole.out() { frames.len() } else { self.wire.tx_burst(now, frames) };
        if carrier && taken > 0 {
            let mut checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner);
            for frame in &frames[..taken] {
                checker.sent(now, self.place, frame.as_slice());
            }
        }
        taken
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.wire.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.wire.poll_timeout()
    }

    fn counters(&self) -> mafo::wire::WireCounters {
        self.wire.counters()
    }
}
