//! Devices: software adapters with their drivers, and bare wires. What a forwarding core owns.

mod bonded;
mod card;
mod history;
mod plug;
mod wiring;

use mafo::wire::Wire;
use mafo::{Core, EthPort, Frame, FrameBurst, Nanos};

pub(crate) use bonded::{BondSettings, BondState, Bonded, MemberSpec, member_port};
pub(crate) use card::{Card, CardSettings};
pub(crate) use history::{Cause, Failover};
pub(crate) use plug::{Lender, Loan, Plug, Puller};
pub(crate) use wiring::{Wired, Wiring};

mafo::counters! {
    /// What a port counted, under the names that testpmd has for it.
    pub(crate) struct PortStats {
        rx_packets,
        rx_bytes,
        rx_missed,
        rx_errors,
        rx_nombuf,
        tx_packets,
        tx_bytes,
        tx_errors,
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

/// The number that makes a card's addresses differ from those of others, by that of its device.
fn card_number(device: usize) -> u8 {
    (device % 255) as u8 + 1
}

/// The address of bare wire number `n`, which is nobody else's: administered here.
pub(crate) fn wire_mac(n: usize) -> [u8; 6] {
    let [high, low] = (n as u16).to_be_bytes();
    [0x02, 0x4d, 0x46, 0x57, high, low]
}

/// A port that is a bare wire.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) plug: Loan,
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
    /// A bond of ports, with a stack on it.
    Bond(Box<Bonded>),
}

impl Device {
    /// Everything but frames: cables, control plane, links; of a bond, the whole host.
    pub(crate) fn turn(&mut self, now: Nanos) {
        match self {
            Self::Card(card) => card.turn(now),
            Self::Bare(_) => {}
            Self::Bond(bond) => bond.turn(now),
        }
    }

    /// Tells an adapter of what was posted.
    pub(crate) fn flush(&mut self) {
        match self {
            Self::Card(card) => card.flush(),
            Self::Bare(_) => {}
            Self::Bond(bond) => bond.flush(),
        }
    }

    /// The sockets of a bond, and the time of this turn.
    pub(crate) fn sockets(&mut self) -> Option<(&mut Core, Nanos)> {
        match self {
            Self::Bond(bond) => Some(bond.sockets()),
            Self::Card(_) | Self::Bare(_) => None,
        }
    }

    /// Frames received by a port. What comes in by a bond is its stack's.
    pub(crate) fn rx_burst(&mut self, port: usize, now: Nanos, burst: &mut FrameBurst) -> usize {
        match self {
            Self::Card(card) => card.port(port).map_or(0, |mut port| port.rx_burst(now, burst)),
            Self::Bare(bare) => bare.plug.rx_burst(now, burst),
            Self::Bond(_) => 0,
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
            Self::Bond(_) => 0,
        }
    }

    /// What a port counted.
    pub(crate) fn stats(&self, port: usize) -> PortStats {
        match self {
            Self::Card(card) => card.stats(port),
            Self::Bare(bare) => plug::wire_stats(&bare.plug.counters()),
            Self::Bond(bond) => bond.stats(port),
        }
    }

    /// Every counter of a port, and of the device behind it.
    pub(crate) fn xstats(&self, port: usize) -> Vec<(String, u64)> {
        match self {
            Self::Card(card) => card.xstats(port),
            Self::Bare(bare) => {
                bare.plug.counters().iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }
            Self::Bond(bond) => bond.xstats(port),
        }
    }

    /// What there is to say of a port at `now`.
    pub(crate) fn info(&mut self, port: usize, now: Nanos) -> PortInfo {
        match self {
            Self::Card(card) => card.info(port),
            Self::Bond(bond) => bond.info(port),
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
