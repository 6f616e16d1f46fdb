//! A host on several lcores: a stack each, which share nothing.
//!
//! A connection belongs to one lcore for as long as it lives, the one that RSS picks by its addresses and ports: a NIC with
//! the symmetric key delivers all its frames there, and active opens take ports of which that is so. Listeners are on
//! every lcore, and each accepts what comes to it. What comes to one lcore and concerns another goes through a ring, of
//! which there is one each way between any two:
//!
//! - ARP, which a NIC gives to one queue: whoever hears it answers, and all learn. Where every lcore hears it by itself, the
//!   first one answers ([`Shard::hears_arp`]);
//! - ICMP errors, whose own addresses say nothing: what they quote says whom they are for;
//! - segments, where a NIC does not spread, or by another key.

use core::fmt;
use core::net::SocketAddr;

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::ring::{self, Consumer, Producer};
use mafo_mem::rss::{Indirection, symmetric_hash};
use mafo_mem::{Frame, Nanos};

use crate::core::Core;
use crate::icmp;
use crate::packet::{self, Packet};
use crate::tom::MemberId;
use crate::tuple::FourTuple;

/// Frames from one lcore that wait for another. One too many is lost, as on any full queue.
const RING: usize = 256;

/// A frame on its way to another lcore.
struct Parcel {
    frame: Frame,
    member: MemberId,
}

/// One lcore's place among those of its host.
pub struct Shard {
    lcore: usize,
    indirection: Indirection,
    /// To each lcore; `None` to this one.
    to: Vec<Option<Producer<Parcel>>>,
    from: Vec<Consumer<Parcel>>,
    /// Whether the wire brings ARP to every lcore.
    hears_arp: bool,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lcore {} of {}", self.lcore, self.to.len())
    }
}

impl Shard {
    /// The places of `lcores` lcores, 1 to 128, by number.
    #[must_use]
    pub fn set(lcores: usize) -> Vec<Self> {
        let indirection = Indirection::even(lcores);
        let place = |lcore| Self {
            lcore,
            indirection: indirection.clone(),
            to: (0..lcores).map(|_| None).collect(),
            from: Vec::new(),
            hears_arp: false,
        };
        let mut set: Vec<Self> = (0..lcores).map(place).collect();
        for (one, other) in (0..lcores).flat_map(|one| (0..lcores).map(move |other| (one, other))) {
            if one != other {
                // It gets its buffer when it is used first: most never is.
                let parcel = || Parcel { frame: Frame::with_capacity(0), member: MemberId(0) };
                let (to, from) = ring::spsc(RING, parcel);
                set[one].to[other] = Some(to);
                set[other].from.push(from);
            }
        }
        set
    }

    /// The same where the wire brings ARP to every lcore, as that of `mafo_wire::spread` does: each has then heard all that
    /// the links of its bond have to say.
    #[must_use]
    pub fn hears_arp(self) -> Self {
        Self { hears_arp: true, ..self }
    }

    /// Whether another lcore answers for this one.
    pub(crate) fn leaves_answers_to_another(&self) -> bool {
        self.hears_arp && self.lcore != 0
    }

    /// Its number.
    #[must_use]
    pub fn lcore(&self) -> usize {
        self.lcore
    }

    /// How many lcores there are.
    #[must_use]
    pub fn lcores(&self) -> usize {
        self.to.len()
    }

    /// The lcore of a connection between these two, whichever of them is ours.
    #[must_use]
    pub fn lcore_of(&self, one: SocketAddr, other: SocketAddr) -> usize {
        self.indirection.lcore(symmetric_hash([one.ip(), other.ip()], [one.port(), other.port()]))
    }

    /// Gives a copy of a frame to another lcore; whether there was room.
    fn give(&mut self, lcore: usize, member: MemberId, frame: &[u8], room: usize) -> bool {
        let Some(ring) = self.to.get_mut(lcore).and_then(Option::as_mut) else { return false };
        let Some(parcel) = ring.claim() else { return false };
        if parcel.frame.capacity() == 0 {
            parcel.frame = Frame::with_capacity(room);
        }
        if parcel.frame.copy_from(frame).is_err() {
            return false;
        }
        parcel.member = member;
        ring.publish();
        true
    }
}

/// The two ends of the connection that a packet belongs to, if it says so.
fn ends_of(packet: &Packet<'_>) -> Option<(SocketAddr, SocketAddr)> {
    match packet {
        Packet::Tcp(ip, segment) => {
            let &[s0, s1, d0, d1] = segment.first_chunk()?;
            let ports = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
            Some(((ip.src, ports[0]).into(), (ip.dst, ports[1]).into()))
        }
        Packet::Icmp(_, message) if icmp::is_error(message) => {
            let (_, quoted) = icmp::parse(message)?;
            Some(((quoted.src, quoted.src_port).into(), (quoted.dst, quoted.dst_port).into()))
        }
        Packet::Arp(_) | Packet::Icmp(..) | Packet::Other => None,
    }
}

impl Core {
    /// This lcore's place, if it is not the only one.
    #[must_use]
    pub fn shard(&self) -> Option<&Shard> {
        self.shard.as_ref()
    }

    /// The lcore that frames of a connection would come to, if it is not this one. What a host says to itself comes to
    /// nobody else.
    pub(crate) fn elsewhere(&self, tuple: &FourTuple) -> Option<usize> {
        let shard = self.shard.as_ref().filter(|_| !self.is_own(tuple.remote.ip()))?;
        let lcore = shard.lcore_of(tuple.local, tuple.remote);
        (lcore != shard.lcore).then_some(lcore)
    }

    /// Tells other lcores of a frame that concerns them; `true` if it does not concern this one.
    pub(crate) fn pass_on(&mut self, member: MemberId, packet: &Packet<'_>, frame: &[u8]) -> bool {
        let Some(shard) = &mut self.shard else { return false };
        let (me, lcores) = (shard.lcore, shard.to.len());
        let owner = || ends_of(packet).map(|(one, other)| shard.lcore_of(one, other));
        let (to, is_ours) = match packet {
            Packet::Arp(_) if shard.hears_arp => return false,
            Packet::Arp(_) => (0..lcores, true),
            _ => match owner().filter(|&lcore| lcore != me) {
                Some(lcore) => (lcore..lcore + 1, false),
                None => return false,
            },
        };
        let room = capacity_for_mtu(self.config.mtu.max(self.config.rx_packet_max).into());
        for lcore in to.filter(|&lcore| lcore != me) {
            let taken = shard.give(lcore, member, frame, room);
            self.counters.passed_on += u64::from(taken);
            self.counters.passed_on_dropped += u64::from(!taken);
        }
        !is_ours
    }

    /// Takes what other lcores have passed on.
    pub(crate) fn poll_shard(&mut self, now: Nanos) {
        // Without its place a stack passes nothing on: no frame goes round.
        let Some(mut shard) = self.shard.take() else { return };
        for ring in &mut shard.from {
            for _ in 0..ring.filled() {
                let Some(Parcel { frame, member }) = ring.peek() else { break };
                match packet::parse(frame.as_slice()) {
                    Ok(Packet::Arp(arp)) => drop(self.learn(now, &arp)),
                    _ => self.handle_frame(now, *member, frame.as_slice()),
                }
                ring.release();
            }
        }
        self.shard = Some(shard);
    }

    /// Whether another lcore has passed something on.
    pub(crate) fn has_parcels(&self) -> bool {
        self.shard
            .as_ref()
            .is_some_and(|shard| shard.from.iter().any(|ring| ring.first().is_some()))
    }
}

/// A place moves to its thread with the stack that has it.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Shard>();
};
