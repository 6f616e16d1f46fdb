//! Devices: software adapters with their drivers, and bare wires. What a forwarding core owns.

mod card;
mod plug;
mod wiring;

use mafo::wire::Wire;
use mafo::{EthPort, Frame, FrameBurst, Nanos};

pub(crate) use card::{Card, CardSettings};
pub(crate) use plug::{Plug, Puller};
pub(crate) use wiring::{Wired, Wiring};

/// What a port counted, under the names that testpmd has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortStats {
    pub(crate) rx_packets: u64,
    pub(crate) rx_bytes: u64,
    pub(crate) rx_missed: u64,
    pub(crate) rx_errors: u64,
    pub(crate) rx_nombuf: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) tx_errors: u64,
}

impl PortStats {
    /// What was counted since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            rx_packets: self.rx_packets.saturating_sub(earlier.rx_packets),
            rx_bytes: self.rx_bytes.saturating_sub(earlier.rx_bytes),
            rx_missed: self.rx_missed.saturating_sub(earlier.rx_missed),
            rx_errors: self.rx_errors.saturating_sub(earlier.rx_errors),
            rx_nombuf: self.rx_nombuf.saturating_sub(earlier.rx_nombuf),
            tx_packets: self.tx_packets.saturating_sub(earlier.tx_packets),
            tx_bytes: self.tx_bytes.saturating_sub(earlier.tx_bytes),
            tx_errors: self.tx_errors.saturating_sub(earlier.tx_errors),
        }
    }
}

/// What there is to say of a port beside its counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortInfo {
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u16,
    pub(crate) up: bool,
    /// Mb/s; 0 of a wire that has no speed of its own.
    pub(crate) speed: u32,
    pub(crate) autoneg: bool,
    pub(crate) firmware: Option<String>,
    /// Entries of the RSS table, and the queues of the driver.
    pub(crate) reta: u16,
    pub(crate) mac_entries: u32,
    /// Receive and transmit descriptors, now and at most; 0 where there are none.
    pub(crate) rxd: (u16, u16),
    pub(crate) txd: (u16, u16),
    /// Whether it computes checksums of what it sends.
    pub(crate) tx_checksums: bool,
    /// What ended its adapter.
    pub(crate) fault: Option<String>,
}

/// The address of bare wire number `n`, which is nobody else's: administered here.
pub(crate) fn wire_mac(n: usize) -> [u8; 6] {
    let [high, low] = (n as u16).to_be_bytes();
    [0x02, 0x4d, 0x46, 0x57, high, low]
}

/// A port that is a bare wire.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) plug: Plug,
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u16,
}

/// A device and all that belongs to it.
#[derive(Debug)]
pub(crate) enum Device {
    /// A software adapter.
    Card(Box<Card>),
    /// A port that is a bare wire.
    Bare(Box<Bare>),
}

impl Device {
    /// Everything but frames: cables, control plane, links.
    pub(crate) fn turn(&mut self, now: Nanos) {
        if let Self::Card(card) = self {
            card.turn(now);
        }
    }

    /// Tells an adapter of what was posted.
    pub(crate) fn flush(&mut self) {
        if let Self::Card(card) = self {
            card.flush();
        }
    }

    /// Frames received by a port.
    pub(crate) fn rx_burst(&mut self, port: usize, now: Nanos, burst: &mut FrameBurst) -> usize {
        match self {
            Self::Card(card) => card.port(port).map_or(0, |mut port| port.rx_burst(now, burst)),
            Self::Bare(bare) => bare.plug.rx_burst(now, burst),
        }
    }

    /// Sends frames by a port; how many it took. With `checksums` those of IP, TCP and UDP are the adapter's to compute.
    pub(crate) fn tx_burst(
        &mut self,
        port: usize,
        now: Nanos,
        frames: &[Frame],
        checksums: bool,
    ) -> usize {
        match self {
            Self::Card(card) if checksums => card.send_with_checksums(port, frames),
            Self::Card(card) => card.port(port).map_or(0, |mut port| port.tx_burst(now, frames)),
            Self::Bare(bare) => bare.plug.tx_burst(now, frames),
        }
    }

    /// What a port counted.
    pub(crate) fn stats(&self, port: usize) -> PortStats {
        match self {
            Self::Card(card) => card.stats(port),
            Self::Bare(bare) => bare.plug.stats(),
        }
    }

    /// Every counter of a port, and of the device behind it.
    pub(crate) fn xstats(&self, port: usize) -> Vec<(String, u64)> {
        match self {
            Self::Card(card) => card.xstats(port),
            Self::Bare(bare) => bare.plug.xstats(),
        }
    }

    /// What there is to say of a port at `now`.
    pub(crate) fn info(&mut self, port: usize, now: Nanos) -> PortInfo {
        match self {
            Self::Card(card) => card.info(port),
            Self::Bare(bare) => PortInfo {
                mac: bare.mac,
                mtu: bare.mtu,
                up: bare.plug.link_up(now),
                mac_entries: 1,
                ..PortInfo::default()
            },
        }
    }
}
