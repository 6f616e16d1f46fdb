//! A cable as an Ethernet port of the host itself, without an adapter.

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
}

impl<W: Wire> WirePort<W> {
    /// A port with station address `mac` for packets of up to `mtu` bytes.
    pub fn new(wire: W, mac: [u8; 6], mtu: u16) -> Self {
        Self { wire, mac, mtu, up: false }
    }

    /// The cable.
    pub fn wire(&self) -> &W {
        &self.wire
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
        self.up
    }

    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.up = self.wire.link_up(now);
        self.wire.rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.wire.tx_burst(now, frames)
    }
}
