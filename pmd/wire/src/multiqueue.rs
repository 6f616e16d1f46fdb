//! A memory link whose ends have a queue for each lcore.
//!
//! ```text
//!   lcore 0 ══╦════════ ring ════════╦══ lcore 0     a frame goes, by the RSS hash of its addresses and
//!             ╠═══╗              ╔═══╣               ports, to one lcore of the other end; between two
//!             ║   ╚═══ rings ════╝   ║               lcores there is a ring each way, which has one
//!   lcore 1 ══╩════════ ring ════════╩══ lcore 1     producer and one consumer
//! ```
//!
//! The key is the symmetric one, so both directions of a connection meet on the lcores of one number if both ends have
//! equally many. As with a NIC, what has no ports (ARP, ICMP, pieces of packets) goes to lcore 0.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mafo_mem::frame::ETHERNET_HEADER;
use mafo_mem::rss::{Indirection, symmetric_hash};
use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::cable::Cable;
use crate::mem::{self, LinkConfig, MemEnd};
use crate::{Wire, WireCounters};

/// An end for each of `lcores` lcores, 1 to 64, of one host, and of another. `queue_frames` and `under_way_frames` are
/// those of each ring.
///
/// Panics if `queue_frames` is 0.
#[must_use]
pub fn link(config: &LinkConfig, lcores: usize) -> (Vec<QueueEnd>, Vec<QueueEnd>) {
    let cable = Cable::new();
    let indirection = Indirection::even(lcores);
    let end = || QueueEnd { lanes: Vec::new(), indirection: indirection.clone(), turn: 0 };
    let ends = || (0..lcores).map(|_| end()).collect::<Vec<_>>();
    let (mut a, mut b) = (ends(), ends());
    for (n, one) in a.iter_mut().enumerate() {
        for (m, other) in b.iter_mut().enumerate() {
            let (near, far) = mem::link_in(&cable, config, (n * lcores + m) as u64);
            one.lanes.push(near);
            other.lanes.push(far);
        }
    }
    (a, b)
}

/// What one lcore has of an end of a [`link`]. Dropping it takes the carrier from all others for good.
pub struct QueueEnd {
    /// To and from each lcore of the other end.
    lanes: Vec<MemEnd>,
    /// Which lcore of the other end a frame is for.
    indirection: Indirection,
    /// The lane that is read first next time.
    turn: usize,
}

impl QueueEnd {
    /// The handle that cuts this cable.
    #[must_use]
    pub fn cable(&self) -> Cable {
        self.lanes[0].cable()
    }

    /// The lcore of the other end that `frame` is for.
    fn lane_of(&self, frame: &[u8]) -> usize {
        hash_of(frame).map_or(0, |hash| self.indirection.lcore(hash))
    }
}

impl Wire for QueueEnd {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        for _ in 0..self.lanes.len() {
            let lane = self.turn;
            self.turn = (lane + 1) % self.lanes.len();
            self.lanes[lane].rx_burst(now, burst);
            if burst.is_full() {
                break;
            }
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        let mut taken = 0;
        while let Some(first) = frames.get(taken) {
            let lane = self.lane_of(first.as_slice());
            let rest = &frames[taken + 1..];
            let same = rest.iter().take_while(|frame| self.lane_of(frame.as_slice()) == lane);
            let run = 1 + same.count();
            let sent = self.lanes[lane].tx_burst(now, &frames[taken..taken + run]);
            taken += sent;
            if sent < run {
                break;
            }
        }
        taken
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.lanes[0].link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.lanes.iter().filter_map(Wire::poll_timeout).min()
    }

    fn counters(&self) -> WireCounters {
        let mut sum = WireCounters::new();
        for lane in &self.lanes {
            sum += lane.counters();
        }
        // They have one carrier.
        WireCounters { carrier_changes: self.lanes[0].counters().carrier_changes, ..sum }
    }
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

/// The symmetric RSS hash of a frame's addresses and ports, as a NIC computes it; `None` of one that has no ports.
#[must_use]
pub fn hash_of(frame: &[u8]) -> Option<u32> {
    let mut at = ETHERNET_HEADER;
    let mut kind = word(frame, at - 2)?;
    if kind == ETHERTYPE_VLAN {
        at += 4;
        kind = word(frame, at - 2)?;
    }
    let packet = frame.get(at..)?;
    let (ends, protocol, ports_at) = match kind {
        ETHERTYPE_IPV4 => {
            let header = packet.first_chunk::<20>()?;
            let is_piece = word(header, 6)? & 0x3fff != 0;
            let [.., a0, a1, a2, a3, b0, b1, b2, b3] = *header;
            let ends = [Ipv4Addr::new(a0, a1, a2, a3), Ipv4Addr::new(b0, b1, b2, b3)];
            if is_piece || header[0] >> 4 != 4 {
                return None;
            }
            (ends.map(IpAddr::V4), header[9], usize::from(header[0] & 0xf) * 4)
        }
        ETHERTYPE_IPV6 => {
            let (src, rest) = packet.get(8..)?.split_first_chunk::<16>()?;
            let dst = rest.first_chunk::<16>()?;
            let ends = [*src, *dst].map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
            (ends, packet[6], 40)
        }
        _ => return None,
    };
    let has_ports = matches!(protocol, PROTOCOL_TCP | PROTOCOL_UDP);
    let ports = [word(packet, ports_at)?, word(packet, ports_at + 2)?];
    has_ports.then(|| symmetric_hash(ends, ports))
}

/// Whether a frame is ARP.
pub(crate) fn is_arp(frame: &[u8]) -> bool {
    let kind = |at: usize| word(frame, at - 2);
    match kind(ETHERNET_HEADER) {
        Some(ETHERTYPE_VLAN) => kind(ETHERNET_HEADER + 4) == Some(ETHERTYPE_ARP),
        kind => kind == Some(ETHERTYPE_ARP),
    }
}

/// Two bytes of `bytes`, if there are as many.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
mod tests;
