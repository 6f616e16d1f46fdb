//! What an lcore says: numbers, in memory that is there before it begins.

use mafo::{Closed, LinkId, Nanos, PortView, Portrait};

/// Connections of an lcore that are told of at most.
const CONNECTIONS_MAX: usize = 4096;
/// Connections that are over: as many as a stack remembers.
const CLOSED_MAX: usize = 256;
/// Statistics of an lcore at most, its ports, and what the MACs of all of them count.
const STATS_MAX: usize = 8192;
const PORTS_MAX: usize = 16;
const PORT_STATS_MAX: usize = 128;
/// Adapters and ports of a bond.
pub(super) const MEMBERS_MAX: usize = 8;

/// A port.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortTold {
    pub(super) link: LinkId,
    pub(super) view: PortView,
    /// Whether the bond takes its link for up.
    pub(super) counts_as_up: bool,
}

/// The bond.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BondTold {
    pub(super) is_up: bool,
    pub(super) active: Option<LinkId>,
    pub(super) is_moving: bool,
    /// Connections that the host has until an adapter takes them.
    pub(super) sheltered: usize,
    pub(super) members: usize,
    pub(super) is_dead: [bool; MEMBERS_MAX],
    /// Connections of each adapter, by its own count.
    pub(super) offloaded: [usize; MEMBERS_MAX],
}

/// How the lcore itself has spent its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LcoreTold {
    /// Turns, and those in which an application or the bond had something to do.
    pub(super) turns: u64,
    pub(super) busy: u64,
    pub(super) sockets: usize,
}

/// All that an lcore says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: Nanos,
    /// In the order of the names.
    pub(super) stats: Vec<u64>,
    pub(super) ports: Vec<PortTold>,
    /// Of all ports, one behind the other.
    pub(super) port_stats: Vec<u64>,
    pub(super) bond: BondTold,
    pub(super) lcore: LcoreTold,
    pub(super) portraits: Vec<Portrait>,
    pub(super) closed: Vec<Closed>,
    pub(super) closed_total: u64,
}

impl Told {
    /// For an lcore that has no more than so many sockets.
    pub(super) fn with_room_for(sockets: usize) -> Self {
        Self {
            at: Nanos::ZERO,
            stats: Vec::with_capacity(STATS_MAX),
            ports: Vec::with_capacity(PORTS_MAX),
            port_stats: Vec::with_capacity(PORTS_MAX * PORT_STATS_MAX),
            bond: BondTold::default(),
            lcore: LcoreTold::default(),
            portraits: Vec::with_capacity(sockets.min(CONNECTIONS_MAX)),
            closed: Vec::with_capacity(CLOSED_MAX),
            closed_total: 0,
        }
    }

    /// Nothing has been said; the memory stays.
    pub(super) fn clear(&mut self) {
        self.stats.clear();
        self.ports.clear();
        self.port_stats.clear();
        self.portraits.clear();
        self.closed.clear();
        self.bond = BondTold::default();
    }
}

/// Adds what there is room for.
pub(super) fn put<T>(all: &mut Vec<T>, one: T) {
    if all.len() < all.capacity() {
        all.push(one);
    }
}
