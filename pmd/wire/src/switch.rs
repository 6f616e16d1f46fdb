//! A learning switch whose ports are wires.

use core::slice;
use std::collections::BTreeMap;

use mafo_mem::frame::{ETHERNET_HEADER, capacity_for_mtu};
use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::Wire;

/// What [`Switch`] does.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// How long an address is remembered after its last frame. IEEE 802.1Q recommends 300 s.
    pub ageing: Nanos,
    /// What happens, at every port, to unicast for an address that is not known.
    pub unknown_unicast: UnknownUnicast,
    /// Addresses remembered at most; when all are fresh, no more are learnt.
    pub table_max: usize,
    /// MTU of the ports.
    pub mtu: usize,
    /// Ports that lead to one host and count as one (a static link aggregation): a frame for it goes out by one of them
    /// whose link is up, as its addresses and ports say.
    pub trunk: Vec<usize>,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self {
            ageing: Nanos::from_secs(300),
            unknown_unicast: UnknownUnicast::Flood,
            table_max: 1024,
            mtu: 1500,
            trunk: Vec::new(),
        }
    }
}

/// Whether a port sends out unicast whose destination is not known (`bridge link set flood`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownUnicast {
    /// It does.
    Flood,
    /// It does not: a station that was silent for the ageing time is not reached.
    Drop,
}

mafo_mem::counters! {
    /// What a switch did.
    pub struct SwitchCounters {
        /// Frames received.
        rx_frames,
        /// Frames sent to the port of a known address.
        forwarded,
        /// Frames sent to all ports: broadcast, multicast, unknown unicast.
        flooded,
        /// Frames for an address that is at the port from which they came.
        filtered_same_port,
        /// Unicast for an unknown address that no port was to flood.
        filtered_unknown,
        /// Frames to the addresses that a bridge does not forward (IEEE 802.1Q table 8-1).
        filtered_reserved,
        /// Frames shorter than a header or from a group address.
        rx_malformed,
        /// Copies that a port's wire had no room for.
        tx_dropped,
        /// Addresses learnt.
        learnt,
        /// Addresses that were seen at another port than before.
        moved,
        /// Addresses forgotten because of their age.
        aged,
        /// Addresses forgotten because their port lost its carrier.
        flushed,
        /// Addresses not learnt because the table was full.
        table_full,
    }
}

/// An Ethernet address.
pub type Mac = [u8; 6];

/// A switch: learns source addresses, forwards to where a destination was seen, floods broadcast and
/// multicast, and forgets with age and with a port's carrier.
pub struct Switch<W> {
    ports: Vec<Port<W>>,
    /// Ordered, so that nothing depends on a hasher.
    table: BTreeMap<Mac, Station>,
    ageing: Nanos,
    table_max: usize,
    trunk: Vec<usize>,
    /// Frames of one port while they are passed on.
    burst: FrameBurst,
    counters: SwitchCounters,
}

struct Port<W> {
    wire: W,
    unknown_unicast: UnknownUnicast,
    link_up: bool,
}

#[derive(Clone, Copy, Debug)]
struct Station {
    port: usize,
    seen: Nanos,
}

/// Frames taken from a port at once.
const BURST: usize = 32;

impl<W: Wire> Switch<W> {
    /// A switch whose ports are `wires`, numbered in their order.
    pub fn new(config: &SwitchConfig, wires: impl IntoIterator<Item = W>) -> Self {
        let unknown_unicast = config.unknown_unicast;
        let ports = wires.into_iter().map(|wire| Port { wire, unknown_unicast, link_up: false });
        Self {
            ports: ports.collect(),
            table: BTreeMap::new(),
            ageing: config.ageing,
            table_max: config.table_max,
            trunk: config.trunk.clone(),
            burst: FrameBurst::new(BURST, capacity_for_mtu(config.mtu)),
            counters: SwitchCounters::new(),
        }
    }

    /// Takes a burst from every port and passes it on; returns how many frames were received.
    pub fn poll(&mut self, now: Nanos) -> usize {
        for port in 0..self.ports.len() {
            self.check_link(now, port);
        }
        // Lent out of self while its frames are passed on.
        let mut burst = core::mem::replace(&mut self.burst, FrameBurst::on_demand(0, 0));
        let mut received = 0;
        for port in 0..self.ports.len() {
            burst.clear();
            received += self.ports[port].wire.rx_burst(now, &mut burst);
            for frame in burst.frames() {
                self.forward(now, port, frame);
            }
        }
        self.burst = burst;
        received
    }

    /// When a frame is next due at a port.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.ports.iter().filter_map(|port| port.wire.poll_timeout()).min()
    }

    /// The port at which `mac` was seen last, unless that is too long ago.
    #[must_use]
    pub fn lookup(&self, now: Nanos, mac: Mac) -> Option<usize> {
        let station = self.table.get(&mac)?;
        (now - station.seen < self.ageing).then_some(station.port)
    }

    /// Forgets all addresses.
    pub fn flush(&mut self) {
        self.table.clear();
    }

    /// How long addresses are remembered from now on.
    pub fn set_ageing(&mut self, ageing: Nanos) {
        self.ageing = ageing;
    }

    /// What `port` does with unknown unicast from now on.
    pub fn set_unknown_unicast(&mut self, port: usize, unknown_unicast: UnknownUnicast) {
        self.ports[port].unknown_unicast = unknown_unicast;
    }

    /// The wire at `port`.
    #[must_use]
    pub fn port(&self, port: usize) -> &W {
        &self.ports[port].wire
    }

    /// The wire at `port`.
    pub fn port_mut(&mut self, port: usize) -> &mut W {
        &mut self.ports[port].wire
    }

    /// What the switch did.
    #[must_use]
    pub fn counters(&self) -> &SwitchCounters {
        &self.counters
    }

    /// Notices a port's carrier; what was behind a port without one is somewhere else by now.
    fn check_link(&mut self, now: Nanos, port: usize) {
        let up = self.ports[port].wire.link_up(now);
        if self.ports[port].link_up && !up {
            let before = self.table.len();
            let trunk = self.trunk.first().filter(|_| self.trunk.contains(&port));
            let left = self.trunk.iter().any(|&other| other != port && self.ports[other].link_up);
            // What is behind a trunk is so by its other ports.
            let gone = trunk.map_or(Some(port), |&first| (!left).then_some(first));
            self.table.retain(|_, station| Some(station.port) != gone);
            self.counters.flushed += (before - self.table.len()) as u64;
        }
        self.ports[port].link_up = up;
    }

    /// The port that stands for `port` in the table: of a trunk its first.
    fn stands_for(&self, port: usize) -> usize {
        self.trunk.first().filter(|_| self.trunk.contains(&port)).map_or(port, |&first| first)
    }

    /// The port by which a frame goes to where `port` leads.
    fn way_of(&self, port: usize, frame: &Frame) -> usize {
        if !self.trunk.contains(&port) {
            return port;
        }
        let up = || self.trunk.iter().copied().filter(|&port| self.ports[port].link_up);
        let count = up().count().max(1);
        up().nth(hash(frame.as_slice()) as usize % count).unwrap_or(port)
    }

    fn forward(&mut self, now: Nanos, from: usize, frame: &Frame) {
        let from = self.stands_for(from);
        self.counters.rx_frames += 1;
        let Some((dst, src)) = addresses(frame.as_slice()) else {
            self.counters.rx_malformed += 1;
            return;
        };
        self.learn(now, from, src);
        if dst[..5] == RESERVED[..5] && dst[5] <= RESERVED[5] {
            self.counters.filtered_reserved += 1;
        } else if is_group(dst) {
            self.counters.flooded += 1;
            self.flood(now, from, frame, |_| true);
        } else if let Some(port) = self.find(now, dst) {
            if port == from {
                self.counters.filtered_same_port += 1;
            } else {
                self.counters.forwarded += 1;
                self.send(now, self.way_of(port, frame), frame);
            }
        } else {
            let floods = |port: &Port<W>| port.unknown_unicast == UnknownUnicast::Flood;
            match self.flood(now, from, frame, floods) {
                0 => self.counters.filtered_unknown += 1,
                _ => self.counters.flooded += 1,
            }
        }
    }

    fn learn(&mut self, now: Nanos, port: usize, src: Mac) {
        let fresh = Station { port, seen: now };
        if let Some(station) = self.table.get_mut(&src) {
            self.counters.moved += u64::from(station.port != port);
            *station = fresh;
            return;
        }
        if self.table.len() >= self.table_max {
            let (before, ageing) = (self.table.len(), self.ageing);
            self.table.retain(|_, station| now - station.seen < ageing);
            self.counters.aged += (before - self.table.len()) as u64;
        }
        if self.table.len() >= self.table_max {
            self.counters.table_full += 1;
            return;
        }
        self.counters.learnt += 1;
        self.table.insert(src, fresh);
    }

    /// [`Switch::lookup`] that removes what is too old.
    fn find(&mut self, now: Nanos, mac: Mac) -> Option<usize> {
        let port = self.lookup(now, mac);
        if port.is_none() && self.table.remove(&mac).is_some() {
            self.counters.aged += 1;
        }
        port
    }

    /// Sends to every port with a carrier but `from` that `wants` it; returns how many these are.
    fn flood(
        &mut self,
        now: Nanos,
        from: usize,
        frame: &Frame,
        wants: impl Fn(&Port<W>) -> bool,
    ) -> usize {
        let mut ports = 0;
        for port in 0..self.ports.len() {
            // A trunk is one port, and has its turn once.
            if self.stands_for(port) != port || port == from {
                continue;
            }
            let way = self.way_of(port, frame);
            if self.ports[way].link_up && wants(&self.ports[way]) {
                self.send(now, way, frame);
                ports += 1;
            }
        }
        ports
    }

    fn send(&mut self, now: Nanos, port: usize, frame: &Frame) {
        if self.ports[port].wire.tx_burst(now, slice::from_ref(frame)) == 0 {
            self.counters.tx_dropped += 1;
        }
    }
}

/// The last of the sixteen addresses that are for the bridge itself: spanning tree, LACP, LLDP.
const RESERVED: Mac = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0f];

/// A hash of IPv4 addresses and ports, else of station addresses (FNV-1a).
fn hash(frame: &[u8]) -> u32 {
    const TCP_IPV4: ([u8; 2], u8) = ([0x08, 0x00], 6);
    let is_tcp = frame.len() >= 38 && ([frame[12], frame[13]], frame[23]) == TCP_IPV4;
    // A header without options; with some, the addresses alone are not worse.
    let range = if !is_tcp {
        0..12
    } else if frame[14] == 0x45 {
        26..38
    } else {
        26..34
    };
    let step = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = frame.get(range).unwrap_or_default().iter().fold(0x811c_9dc5, step);
    // Low bits of the product know low bits only.
    hash ^ hash >> 16
}

/// Whether an address is broadcast or multicast: bit 0 of its first byte.
fn is_group(mac: Mac) -> bool {
    mac[0] & 1 == 1
}

/// Destination and source of a frame; `None` if it has no header or its source is a group.
fn addresses(frame: &[u8]) -> Option<(Mac, Mac)> {
    let header = frame.get(..ETHERNET_HEADER)?;
    let (dst, rest) = header.split_first_chunk::<6>()?;
    let (src, _) = rest.split_first_chunk::<6>()?;
    (!is_group(*src)).then_some((*dst, *src))
}

#[cfg(test)]
mod tests;
