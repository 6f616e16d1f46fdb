//! The two sequence spaces of a connection (RFC 9293 3.3.1).
//!
//! ```text
//!  send      snd.una          snd.max        snd.una + snd.wnd      snd.tx_max
//!  ─────────────┼────────────────┼──────────────────┼───────────────────┼──────────────►
//!  acknowledged │ in flight      │ may be sent      │ posted, beyond    │ FIN, once the
//!               │ (scoreboard)   │                  │ the peer's window │ owner closed
//!
//!  receive     ack           rcv.nxt                             rcv.nxt + rcv.wnd
//!  ─────────────┼────────────────┼──────────────────────────────────────┼──────────────►
//!  delivered,   │ in order,      │ free, or held beyond a gap           │ no room
//!  acknowledged │ undelivered    │ (assembler)                          │
//! ```

use mafo_mem::Nanos;

use crate::cc::Congestion;
use crate::delack::Rhythm;
use crate::rack::Rack;
use crate::rtt::Rtt;
use crate::tail_probe::Tail;
use crate::time::Moment;
use crate::writes::Writes;
use crate::{Config, LastWord, PAWS_IDLE, Probe, Recovery, SeqNum};

/// Largest window field.
pub(crate) const WINDOW_MAX: u32 = 0xffff;

/// What we send.
#[derive(Clone, Debug)]
pub(crate) struct SendSpace {
    pub(crate) iss: SeqNum,
    pub(crate) una: SeqNum,
    /// One past all that was ever sent.
    pub(crate) max: SeqNum,
    /// One past all payload posted.
    pub(crate) tx_max: SeqNum,
    pub(crate) fin_posted: bool,
    /// The peer's window in bytes.
    //= rfc9293#3.1 REC-1
    pub(crate) wnd: u32,
    pub(crate) wnd_max: u32,
    /// The rightmost edge that the peer ever gave, as far as is known: nothing at all is sent beyond it. What is in
    /// flight can be, where an owner died of whom nobody knows how much it had sent.
    pub(crate) edge_max: SeqNum,
    pub(crate) wl1: SeqNum,
    pub(crate) wl2: SeqNum,
    /// Largest segment now, without headers and options.
    pub(crate) mss: u16,
    /// Largest segment that the peer takes.
    pub(crate) mss_peer: u16,
    pub(crate) cc: Congestion,
    pub(crate) rtt: Rtt,
    pub(crate) rack: Rack,
    pub(crate) recovery: Recovery,
    pub(crate) recover: SeqNum,
    /// A tail loss probe that is not acknowledged.
    pub(crate) tail: Tail,
    /// `max` behind it.
    pub(crate) tail_end: SeqNum,
    /// When payload, or a SYN, was last sent.
    pub(crate) last_sent: Nanos,
    /// Retransmissions of the same bytes, or probes, without an answer.
    pub(crate) retransmits: u8,
    pub(crate) writes: Writes,
}

impl SendSpace {
    /// One past all that is to be sent: payload, and FIN once posted.
    pub(crate) fn end(&self) -> SeqNum {
        self.tx_max + u32::from(self.fin_posted)
    }

    /// Sequence numbers sent and not acknowledged.
    pub(crate) fn flight(&self) -> u32 {
        self.max.since(self.una)
    }

    /// One past what the peer has room for.
    pub(crate) fn edge(&self) -> SeqNum {
        self.una + self.wnd
    }

    /// The peer gives this window.
    pub(crate) fn set_window(&mut self, wnd: u32) {
        self.wnd = wnd;
        self.edge_max = self.rightmost_edge();
    }

    /// Up to where anything may be sent again: the peer had room for it once.
    //= rfc9293#3.8.6 MAY-7
    pub(crate) fn rightmost_edge(&self) -> SeqNum {
        self.edge_max.later(self.edge())
    }

    /// Whether the peer has acknowledged our FIN.
    pub(crate) fn fin_acked(&self) -> bool {
        self.fin_posted && self.una == self.end()
    }
}

/// ACKs that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AckDue {
    /// Segments with payload received since the last ACK of all that was received.
    pub(crate) segments: u8,
    /// Whether what is delivered is to be acknowledged at the next output.
    pub(crate) now: bool,
    /// ACKs to be sent at the next output whatever they say: duplicates, challenges, forced ones.
    pub(crate) immediate: u8,
    /// Whether an ACK is sent when the delayed-ACK timer runs out, even if it says nothing new.
    pub(crate) owed: bool,
    /// Who speaks when.
    pub(crate) rhythm: Rhythm,
}

/// What is due other than payload and ACKs: [`crate::Pending`] but for resets, of which few are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) syn: bool,
    pub(crate) probe: Option<Probe>,
    pub(crate) window_update: bool,
    pub(crate) last_word: Option<LastWord>,
}

/// The peer's FIN, in order: [`crate::PeerFin`] but for one that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    Absent,
    Undelivered,
    Delivered,
}

/// What we receive.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveSpace {
    pub(crate) irs: SeqNum,
    pub(crate) nxt: SeqNum,
    /// Payload in order that the owner has not confirmed as delivered.
    pub(crate) undelivered: u32,
    pub(crate) wnd: u32,
    /// The greatest `wnd` so far: the size of the owner's buffer, as far as can be told.
    pub(crate) wnd_max: u32,
    /// The rightmost edge that the peer was ever told.
    pub(crate) adv: SeqNum,
    pub(crate) last_ack_sent: SeqNum,
    /// Largest segment that we announced.
    pub(crate) mss: u16,
    pub(crate) fin: Fin,
    pub(crate) ack: AckDue,
}

impl ReceiveSpace {
    /// The acknowledgment number of everything sent now: what the owner has not confirmed is not
    /// acknowledged, or it would be lost with the owner.
    //= rfc2018#4 RFC2018-4-5
    pub(crate) fn ack_no(&self) -> SeqNum {
        self.nxt - self.undelivered - u32::from(self.fin == Fin::Undelivered)
    }

    /// One past what we have room for, and so no less than the peer was ever told.
    //= rfc7323#2.4 RFC7323-2.4-1
    pub(crate) fn edge(&self) -> SeqNum {
        self.nxt + self.wnd
    }

    /// Steps by which the told edge moves at least.
    ///
    //= rfc9293#3.8.6.2.2 MUST-39
    fn step(&self) -> u32 {
        (self.wnd_max / 2).min(u32::from(self.mss)).max(1)
    }

    /// The right edge as the peer knows it now: scaling may have cut off what it was told before.
    //= rfc7323#2.4
    fn told(&self, shift: u8) -> SeqNum {
        let open = self.adv.later(self.last_ack_sent).since(self.last_ack_sent);
        self.last_ack_sent + (open >> shift << shift)
    }

    /// The window field to send, and the right edge that it tells.
    ///
    /// The edge never moves left but for the bits that scaling cuts off (RFC 7323 2.4).
    //= rfc9293#3.8.6 SHLD-14
    //= rfc9293#3.8.6.2.2 MUST-39
    //= rfc9293#3.8.6.1 MAY-8
    //= rfc7323#2.3 RFC7323-2.3-2
    pub(crate) fn offer(&self, shift: u8) -> (u16, SeqNum) {
        let (ack, edge, told) = (self.ack_no(), self.edge(), self.told(shift));
        let moved = edge.after(told) && edge.since(told) >= self.step();
        let target = if moved { edge } else { self.adv.later(ack) };
        let window = (target.since(ack) >> shift).min(WINDOW_MAX);
        (window as u16, ack + (window << shift))
    }

    /// Whether the peer should be told of the window although nothing else is to be said: it knows of
    /// less than half the buffer, and would come to know of twice as much.
    pub(crate) fn owes_window_update(&self, shift: u8) -> bool {
        let (_, edge) = self.offer(shift);
        let open = edge.later(self.nxt).since(self.nxt);
        let told = self.told(shift).later(self.nxt).since(self.nxt);
        told <= self.wnd_max / 2 && open / 2 >= told && open.saturating_sub(told) >= self.step()
    }
}

/// The timestamps option in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimestampState {
    /// What is added to the clock.
    pub(crate) offset: u32,
    /// What is echoed. `None` until the peer's first.
    pub(crate) recent: Option<Recent>,
}

impl TimestampState {
    /// What a segment sent at `now` has.
    pub(crate) fn at(&self, config: &Config, now: Nanos) -> u32 {
        config.ts_clock.ticks(now).wrapping_add(self.offset)
    }
}

/// TS.Recent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) val: u32,
    /// Until when it proves an older timestamp to be old.
    until: Moment,
}

impl Recent {
    /// `val` came at `at`.
    pub(crate) fn new(val: u32, at: Nanos) -> Self {
        Self { val, until: Moment::of(at + PAWS_IDLE) }
    }

    /// `val` came `age` before `now`.
    pub(crate) fn restore(val: u32, age: Nanos, now: Nanos) -> Self {
        Self { val, until: Moment::of(now + (PAWS_IDLE - age)) }
    }

    pub(crate) fn age(self, now: Nanos) -> Nanos {
        PAWS_IDLE - (self.until.get() - now)
    }

    /// Whether it proves that a segment with timestamp `val` is of the past.
    pub(crate) fn refutes(self, val: u32, now: Nanos) -> bool {
        is_older(val, self.val) && now < self.until.get()
    }
}

/// Whether timestamp `a` is older than `b`; timestamps wrap like sequence numbers (RFC 7323 5.2).
pub(crate) fn is_older(a: u32, b: u32) -> bool {
    SeqNum(a).before(SeqNum(b))
}
