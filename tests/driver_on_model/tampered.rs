//! A cable of whose frames a test takes note, or which it changes.

use mafo::wire::mem::MemEnd;
use mafo::wire::{Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};

/// How a burst comes in.
type OnRx = Box<dyn FnMut(&mut MemEnd, Nanos, &mut FrameBurst) + Send>;
/// What is done with frames that go out.
type OnTx = Box<dyn FnMut(Nanos, &[Frame]) + Send>;

/// A cable and what happens at its end.
pub(crate) struct Tampered {
    cable: MemEnd,
    on_rx: OnRx,
    on_tx: OnTx,
}

impl Tampered {
    /// `look` sees what its host puts onto the cable.
    pub(crate) fn sending(
        cable: MemEnd,
        look: impl FnMut(Nanos, &[Frame]) + Send + 'static,
    ) -> Box<dyn Wire> {
        let on_rx = |cable: &mut MemEnd, now, burst: &mut FrameBurst| {
            cable.rx_burst(now, burst);
        };
        Box::new(Self { cable, on_rx: Box::new(on_rx), on_tx: Box::new(look) })
    }

    /// `change` has what comes by the cable before its host.
    pub(crate) fn receiving(
        cable: MemEnd,
        mut change: impl FnMut(&mut FrameBurst) + Send + 'static,
    ) -> Box<dyn Wire> {
        let on_rx = move |cable: &mut MemEnd, now, burst: &mut FrameBurst| {
            cable.rx_burst(now, burst);
            change(burst);
        };
        Box::new(Self { cable, on_rx: Box::new(on_rx), on_tx: Box::new(|_, _| {}) })
    }

    /// Hands over so many frames at each instant.
    pub(crate) fn slow(cable: MemEnd, frames: usize) -> Box<dyn Wire> {
        let (mut few, mut last) = (FrameBurst::new(frames, 2048), Nanos::ZERO);
        let on_rx = move |cable: &mut MemEnd, now, burst: &mut FrameBurst| {
            if core::mem::replace(&mut last, now) != now {
                few.clear();
                cable.rx_burst(now, &mut few);
                for frame in few.frames() {
                    burst.push(frame.as_slice()).expect("room for a few");
                }
            }
        };
        Box::new(Self { cable, on_rx: Box::new(on_rx), on_tx: Box::new(|_, _| {}) })
    }
}

impl Wire for Tampered {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        (self.on_rx)(&mut self.cable, now, burst);
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        (self.on_tx)(now, frames);
        self.cable.tx_burst(now, frames)
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.cable.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.cable.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.cable.counters()
    }
}
