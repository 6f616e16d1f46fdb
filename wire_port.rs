//! A cable as an Ethernet port of the host itself, without an adapter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mafo_mem::{Frame, FrameBurst, Nanos};
use mafo_pmd::EthPort;
use mafo_wire::Wire;

/// An Ethernet port that is a bare cable.
#[derive(Debug)]
pub struct WirePort<W> {
    wire: W,
    mac: [u8; 6],
    mtu: u16,
    up: bool,
    slot: Slot,
}

/// Where the device of a port is plugged in, for whoever pulls it out.
#[derive(Clone, Debug, Default)]
pub struct Slot(Arc<AtomicBool>);

impl Slot {
    /// The device is taken away: it says nothing any more, and what it is given is lost.
    pub fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// A device like it is plugged in.
    pub fn plug(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<W: Wire> WirePort<W> {
    /// A port with station address `mac` for packets of up to `mtu` bytes.
    pub fn new(wire: W, mac: [u8; 6], mtu: u16) -> Self {
        Self { wire, mac, mtu, up: false, slot: Slot::default() }
    }

    /// The cable.
    pub fn wire(&self) -> &W {
        &self.wire
    }

    /// A handle on what the port's device is plugged into.
    pub fn slot(&self) -> Slot {
        self.slot.clone()
    }
}

impl<W: Wire> EthPort for WirePort<W> {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn link_up(&self) -> bool {
        self.up && !self.is_gone()
    }

    fn is_gone(&self) -> bool {
        self.slot.is_empty()
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        if self.is_gone() { None } else { self.wire.poll_timeout() }
    }

    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        if self.is_gone() {
            return 0;
        }
        self.up = self.wire.link_up(now);
        self.wire.rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        if self.is_gone() { frames.len() } else { self.wire.tx_burst(now, frames) }
    }
}
