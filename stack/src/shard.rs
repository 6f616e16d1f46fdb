//! A host on several lcores: a stack each, which share nothing.
//!
//! A connection belongs to one lcore, the one that RSS picks by its addresses and ports: a NIC with
//! the symmetric key delivers all its frames there, and active opens take ports of which that is so. Listeners are on
//! every lcore, and each accepts what comes to it. What comes to one lcore and concerns another goes through a ring, of
//! which there is one each way between any two:
//!
//! - ARP, which a NIC gives to one queue: whoever hears it answers, and all learn. Where every lcore hears it by itself, the
//!   first one answers ([`Shard::hears_arp`]);
//! - ICMP errors, whose own addresses say nothing: what they quote says whom they are for;
//! - segments, where a NIC does not spread, or by another key; and those of connections that were given to another lcore
//!   (`moved.rs`).
//!
//! Beside each ring of frames there is one of letters, by which such connections go. Whoever takes frames takes the letters
//! first that were sent before them.

use core::fmt;
use core::net::SocketAddr;
use core::task::Waker;

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::ring::{self, Consumer, Producer};
use mafo_mem::rss::{Indirection, symmetric_hash};
use mafo_mem::{Frame, Nanos};

use crate::core::Core;
use crate::icmp;
use crate::moved::Letter;
use crate::packet::{self, Packet};
use crate::tom::MemberId;
use crate::tuple::FourTuple;

/// Frames from one lcore that wait for another. One too many is lost, as on any full queue.
const RING: usize = 256;
/// Lcores that pass a frame on at most: one whose connection moves goes after it, and not for ever.
const PASSED_MAX: u8 = 8;
/// Letters on their way. More wait at their sender.
const LETTERS: usize = 16;

/// A frame on its way to another lcore.
struct Parcel {
    frame: Frame,
    member: MemberId,
    /// Lcores that have passed it on.
    passed: u8,
}

/// The way to another lcore.
struct Way {
    parcels: Producer<Parcel>,
    letters: Producer<Option<Letter>>,
    /// Wakes it, if it may sleep.
    waker: Option<Waker>,
}

/// The way from another lcore.
struct Inbox {
    lcore: usize,
    parcels: Consumer<Parcel>,
    /// So many of them came before any letter that has not been looked for.
    due: usize,
    letters: Consumer<Option<Letter>>,
}

/// One lcore's place among those of its host.
pub struct Shard {
    lcore: usize,
    indirection: Indirection,
    /// To each lcore; `None` to this one.
    to: Vec<Option<Way>>,
    from: Vec<Inbox>,
    /// Whether the wire brings ARP to every lcore.
    hears_arp: bool,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lcore {} of {}", self.lcore, self.to.len())
    }
}

impl Shard {
    /// The places of `lcores` lcores, 1 to 64, by number.
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
                let parcel =
                    || Parcel { frame: Frame::with_capacity(0), member: MemberId(0), passed: 0 };
                let (to, from) = ring::spsc(RING, parcel);
                let (post, received) = ring::spsc(LETTERS, || None);
                set[one].to[other] = Some(Way { parcels: to, letters: post, waker: None });
                set[other].from.push(Inbox {
                    lcore: one,
                    parcels: from,
                    due: 0,
                    letters: received,
                });
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

    /// Wakes lcore `lcore` by `waker` for whatever this one passes on to it, where it may sleep.
    pub fn wake_by(&mut self, lcore: usize, waker: Waker) {
        if let Some(Some(way)) = self.to.get_mut(lcore) {
            way.waker = Some(waker);
        }
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
    fn give(
        &mut self,
        lcore: usize,
        (member, passed): (MemberId, u8),
        frame: &[u8],
        room: usize,
    ) -> bool {
        let Some(Some(way)) = self.to.get_mut(lcore) else { return false };
        let Way { parcels: ring, waker, .. } = way;
        let Some(parcel) = ring.claim() else { return false };
        if parcel.frame.capacity() == 0 {
            parcel.frame = Frame::with_capacity(room);
        }
        if parcel.frame.copy_from(frame).is_err() {
            return false;
        }
        (parcel.member, parcel.passed) = (member, passed + 1);
        ring.publish();
        waker.iter().for_each(Waker::wake_by_ref);
        true
    }

    /// Sends a letter; it comes back if there is no room.
    pub(crate) fn send(&mut self, lcore: usize, letter: Letter) -> Result<(), Letter> {
        let Some(Some(way)) = self.to.get_mut(lcore) else { return Err(letter) };
        let Some(slot) = way.letters.claim() else { return Err(letter) };
        *slot = Some(letter);
        way.letters.publish();
        way.waker.iter().for_each(Waker::wake_by_ref);
        Ok(())
    }
}

/// The connection that a packet belongs to, if it says so.
fn tuple_of(packet: &Packet<'_>) -> Option<FourTuple> {
    match packet {
        Packet::Tcp(ip, segment) => {
            let &[s0, s1, d0, d1] = segment.first_chunk()?;
            let [remote, local] = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
            Some(FourTuple { local: (ip.dst, local).into(), remote: (ip.src, remote).into() })
        }
        Packet::Icmp(_, message) if icmp::is_error(message) => {
            let (_, sent) = icmp::parse(message)?;
            let (local, remote) = ((sent.src, sent.src_port), (sent.dst, sent.dst_port));
            Some(FourTuple { local: local.into(), remote: remote.into() })
        }
        Packet::Arp(_) | Packet::Icmp(..) | Packet::Other => None,
    }
}

impl Inbox {
    fn has_something(&self) -> bool {
        self.parcels.first().is_some() || self.letters.first().is_some()
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

    /// The least port that a segment from this host's address and port 0 to its address has to have to come to this lcore.
    #[must_use]
    pub fn port_to_self(&self) -> u16 {
        let Some(shard) = &self.shard else { return 0 };
        let to = |port: u16| SocketAddr::from((self.address(), port));
        (0..=u16::MAX).find(|&port| shard.lcore_of(to(0), to(port)) == shard.lcore).unwrap_or(0)
    }

    /// Tells other lcores of a frame that concerns them; `true` if it does not concern this one.
    pub(crate) fn pass_on(&mut self, member: MemberId, packet: &Packet<'_>, frame: &[u8]) -> bool {
        let Some(shard) = &self.shard else { return false };
        let (me, lcores) = (shard.lcore, shard.to.len());
        if let Packet::Arp(_) = packet {
            let all_hear = shard.hears_arp;
            for lcore in (0..lcores).filter(|&lcore| lcore != me && !all_hear) {
                self.give(lcore, (member, 0), frame);
            }
            return false;
        }
        let to = tuple_of(packet).and_then(|tuple| self.lcore_to_ask(&tuple));
        if let Some(lcore) = to {
            self.give(lcore, (member, 0), frame);
        }
        to.is_some()
    }

    /// The lcore that a frame of this connection is given to, if it is not this one's: from the owner where the connection
    /// is, and from all others the owner, which knows. One that was here and has left, or ended, it is about to hear of.
    fn lcore_to_ask(&self, tuple: &FourTuple) -> Option<usize> {
        match self.elsewhere(tuple) {
            Some(owner) => self.lookup(tuple).is_none().then_some(owner),
            None => self.moved.lcore_of(tuple),
        }
    }

    fn give(&mut self, lcore: usize, way: (MemberId, u8), frame: &[u8]) {
        let room = capacity_for_mtu(self.config.mtu.max(self.config.rx_packet_max).into());
        let Some(shard) = self.shard.as_mut() else { return };
        let taken = way.1 < PASSED_MAX && shard.give(lcore, way, frame, room);
        self.counters.passed_on += u64::from(taken);
        self.counters.passed_on_dropped += u64::from(!taken);
    }

    /// Takes what other lcores have passed on; the time to go on with, which is no less than when they did.
    pub(crate) fn poll_shard(&mut self, now: Nanos) -> Nanos {
        let Some(shard) = &mut self.shard else { return now };
        let mut from = core::mem::take(&mut shard.from);
        // Frames that are seen here were sent before any letter that is not seen below: a connection comes before its
        // frames.
        for inbox in &mut from {
            inbox.due = inbox.parcels.filled();
        }
        for inbox in &mut from {
            while let Some(letter) = inbox.letters.peek() {
                if let Some(letter) = letter.take() {
                    self.take_letter(now, inbox.lcore, letter);
                }
                inbox.letters.release();
            }
        }
        let now = self.now;
        self.take_in(now);
        self.send_letters();
        for inbox in &mut from {
            for _ in 0..inbox.due {
                let Some(Parcel { frame, member, passed }) = inbox.parcels.peek() else { break };
                self.take_parcel(now, (*member, *passed), frame.as_slice());
                inbox.parcels.release();
            }
        }
        if let Some(shard) = &mut self.shard {
            shard.from = from;
        }
        self.send_letters();
        now
    }

    /// Takes a frame that came to another lcore.
    fn take_parcel(&mut self, now: Nanos, (member, passed): (MemberId, u8), frame: &[u8]) {
        let packet = packet::parse(frame);
        if let Ok(Packet::Arp(arp)) = packet {
            self.learn(now, &arp);
            return;
        }
        let tuple = packet.as_ref().ok().and_then(tuple_of);
        if let Some(lcore) = tuple.and_then(|tuple| self.lcore_to_ask(&tuple)) {
            self.give(lcore, (member, passed), frame);
        } else if let Some(macs) = packet::macs(frame) {
            self.take_packet(now, member, macs, packet);
        }
    }

    /// Whether another lcore has passed something on.
    pub(crate) fn has_parcels(&self) -> bool {
        self.shard.as_ref().is_some_and(|shard| shard.from.iter().any(Inbox::has_something))
            || self.moved.has_letters()
            || self.moved.has_homeless() && self.sockets.next_id().is_some()
    }
}

/// A place moves to its thread with the stack that has it.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Shard>();
};
