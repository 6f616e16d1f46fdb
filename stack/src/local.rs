//! What this host sends to itself.
//!
//! A connection whose both ends are here lives on the host path, whatever its sockets were to be on, and its frames never
//! see a link: no adapter would give back what it sends to its own address, and what it put into its loopback would be
//! taken for the tunnel's. They wait in a queue of their own, from one poll to the next. So nothing calls itself, links
//! that are down do not matter, and no failover has anything to do with them.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::VecDeque;

use mafo_mem::{Frame, Nanos};

use crate::core::Core;
use crate::neigh::Resolution;
use crate::packet::{self, Packet};
use crate::slab::SocketId;
use crate::tom::MemberId;
use crate::tuple::FourTuple;

/// What they come in by: no member of a bond.
pub(crate) const LOOPBACK: MemberId = MemberId(u8::MAX);

/// Frames that wait. One too many is lost, as on any full queue, and TCP sends it again.
const FRAMES_MAX: usize = 1024;

/// Frames on their way from this host to itself.
#[derive(Debug, Default)]
pub(crate) struct Loopback(VecDeque<Vec<u8>>);

/// Whether a frame goes from a station to itself.
fn is_to_self(frame: &Frame) -> bool {
    packet::macs(frame.as_slice()).is_some_and(|(src, dst)| src == dst)
}

impl Loopback {
    /// Takes frames; how many, from the front.
    fn put(&mut self, frames: &[Frame]) -> usize {
        let room = FRAMES_MAX - self.0.len();
        let taken = &frames[..frames.len().min(room)];
        self.0.extend(taken.iter().map(|frame| frame.as_slice().to_vec()));
        taken.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Core {
    /// Whether `address` is this host's.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        address == IpAddr::V4(self.config.address)
    }

    /// Whether both ends of a connection are here.
    pub(crate) fn is_local(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_some_and(|socket| self.is_own(socket.ends.remote_ip()))
    }

    /// Whether a connection of these two ends, if both are here, would meet another, or itself.
    pub(crate) fn meets_itself(&self, tuple: &FourTuple) -> bool {
        let other_end = FourTuple { local: tuple.remote, remote: tuple.local };
        *tuple == other_end || self.by_tuple.contains(&self.sockets, &other_end)
    }

    /// Whether `address` can be one other host's.
    pub(crate) fn is_unicast(&self, address: Ipv4Addr) -> bool {
        let host = u32::MAX.checked_shr(self.config.prefix_len.into()).unwrap_or(0);
        let own_net = (address.to_bits() ^ self.config.address.to_bits()) & !host == 0;
        let directed = host > 1 && own_net && address.to_bits() & host == host;
        let nobody = address.is_unspecified() || address.is_loopback();
        let many = address.is_multicast() || address.is_broadcast() || directed;
        !nobody && !many && address != self.config.address
    }

    /// The neighbour through which `address` is reached.
    pub(crate) fn next_hop(&self, address: IpAddr) -> Option<IpAddr> {
        let IpAddr::V4(v4) = address else { return None };
        let mask = u32::MAX.checked_shl(32 - u32::from(self.config.prefix_len)).unwrap_or(0);
        let on_link = (v4.to_bits() ^ self.config.address.to_bits()) & mask == 0;
        if on_link { Some(address) } else { self.config.gateway.map(IpAddr::V4) }
    }

    /// Who takes what goes to `address`; `None`: there is no way to it.
    pub(crate) fn resolve(&mut self, now: Nanos, address: IpAddr) -> Option<Resolution> {
        if self.is_own(address) {
            return Some(Resolution::Known(self.config.mac));
        }
        self.next_hop(address).map(|hop| self.neighbours.resolve(now, hop))
    }

    /// Hands the frames collected so far to the active link, and those to this host itself to its loopback. What a queue
    /// does not take is lost, as on any full queue; TCP and ARP ask again.
    pub fn flush(&mut self, now: Nanos) {
        let Self { out, members, loopback, counters, active, .. } = self;
        if out.is_empty() {
            return;
        }
        for run in out.frames().chunk_by(|one, next| is_to_self(one) == is_to_self(next)) {
            if is_to_self(&run[0]) {
                let kept = loopback.put(run);
                counters.loopback_frames += kept as u64;
                counters.loopback_dropped += (run.len() - kept) as u64;
                continue;
            }
            let sent = active.map_or(0, |active| members.transmit(now, active, run));
            counters.tx_frames += sent as u64;
            counters.tx_dropped += (run.len() - sent) as u64;
        }
        out.clear();
    }

    /// Takes what this host has sent to itself since the last poll. What that causes is for the next one.
    pub(crate) fn poll_loopback(&mut self, now: Nanos) {
        let from = (LOOPBACK, self.config.mac);
        for frame in core::mem::take(&mut self.loopback.0) {
            match packet::parse(&frame) {
                Ok(Packet::Tcp(ip, bytes)) => self.handle_tcp(now, from, ip, bytes),
                Ok(_) => self.counters.rx_not_for_us += 1,
                Err(_) => self.counters.rx_malformed += 1,
            }
        }
    }
}
