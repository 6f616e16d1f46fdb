//! Connections of which nobody knows whether their peers were told more than the host has.
//!
//! Where adapters do not keep the commit rule ([`BondConfig::protect`](crate::BondConfig::protect)), one that dies takes
//! along what it had acknowledged and not told. The host's record may then lack bytes that the peer will never send again.
//! Such a connection goes on over the host path, where every segment of the peer is seen, and the peer is asked where it
//! stands. What it says decides:
//!
//! - bytes, or the end of its stream, that follow what the host has: it had not been told that they are here;
//! - an answer that begins where the host's record ends: it has nothing more to say;
//! - segments that begin beyond, and no other for two retransmission timeouts: what is missing is gone. The connection is
//!   lost, and both ends are told so.
//! - a reset: it has given up, or the end of its stream was acknowledged long ago and it has forgotten the connection. Whether
//!   the host's record is whole it will not say any more, so the connection is lost.
//!
//! Whatever is decided, nothing is delivered across a gap: a connection that is vouched for by mistake waits, no more.

use mafo_mem::Nanos;
use mafo_stack::{Core, SocketId};
use mafo_tcp::{Flags, Segment, SeqNum};

use crate::bond::Bond;
use crate::detour::leads_out;

/// Segments beyond a gap after which it may be a lasting one.
const SEGMENTS: u32 = 3;
/// Questions in a retransmission timeout.
const QUESTIONS: u64 = 2;
/// What the peer repeats it repeats after a second or more (RFC 6298, 2.4), however short the way is.
const TIMEOUT_MIN: Nanos = Nanos::from_secs(1);

/// What speaks for a connection whose adapter acknowledged ahead of what it told, and what against it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubt {
    /// Since when the host path listens to the peer.
    since: Nanos,
    /// What the host has received, once it knows the peer's numbers.
    received: Option<SeqNum>,
    /// Segments of the peer that began beyond that.
    beyond: u32,
    /// One of them had nothing in it: where it began is where the peer's stream ends.
    ends_beyond: bool,
    /// One began there, and had nothing in it.
    ends_here: bool,
    /// It has reset the connection.
    is_reset: bool,
    /// When the peer is asked next.
    next: Nanos,
    asked: u64,
}

impl Doubt {
    /// Nothing is known yet. `received`: what the host has, if it knows the peer's numbers.
    pub(crate) fn new(now: Nanos, received: Option<SeqNum>) -> Self {
        Self { since: now, received, next: now, ..Self::default() }
    }

    /// Notes a segment of the peer, and says whether it is to be taken. One byte that is not pushed is not: it may be the garbage
    /// with which some ask whether we are alive (RFC 9293, 3.8.4), a byte before what they have to say. A peer that means
    /// it says it again together with what follows, or pushes it.
    fn note(&mut self, segment: &Segment) -> bool {
        if segment.flags.contains(Flags::RST) {
            // Any other is none (RFC 5961, 3.2).
            self.is_reset |= self.received == Some(segment.seq);
            return !self.is_reset;
        }
        let Some(received) = self.received else {
            // Its SYN would tell what we do not know; that it talks without says that the handshake is over for it.
            self.beyond += u32::from(!segment.flags.contains(Flags::SYN));
            return true;
        };
        if segment.seq.after(received) {
            self.beyond += 1;
            self.ends_beyond |= segment.seq_len() == 0;
        } else if segment.seq_len() == 0 {
            self.ends_here |= segment.seq == received;
        } else if segment.payload_len == 1
            && segment.seq == received
            && !segment.flags.intersects(Flags::PSH | Flags::FIN | Flags::SYN)
        {
            return false;
        }
        true
    }

    /// What follows, `received` being what the host has by now and `rto` the retransmission timeout.
    fn judge(&self, now: Nanos, received: Option<SeqNum>, rto: Nanos) -> Option<Judgement> {
        let goes_on = match (self.received, received) {
            (None, Some(_)) => true,
            (Some(before), Some(by_now)) => by_now.after(before),
            (_, None) => false,
        };
        if goes_on || self.ends_here && !self.ends_beyond {
            return Some(Judgement::Vouched);
        }
        let is_lasting = now - self.since >= rto + rto;
        let is_lost = self.is_reset || is_lasting && self.beyond >= SEGMENTS;
        is_lost.then_some(Judgement::Lost)
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// Nothing is missing.
    Vouched,
    /// Bytes are, for good.
    Lost,
}

impl Bond {
    /// Whether the peer of a connection whose adapter has just died may have been told more than the host has: unless all
    /// that the adapter said went through the host, and `told` is the highest acknowledgment of it.
    pub(crate) fn is_doubtful(&self, core: &Core, id: SocketId, told: Option<SeqNum>) -> bool {
        let was_heard = told.is_some() && !leads_out(core, id);
        !self.config.protect && !was_heard
    }

    /// A segment of the peer of a connection that the host path has. `false`: it is not to be taken.
    pub(crate) fn note_doubt(&mut self, id: SocketId, segment: &Segment) -> bool {
        let Some(doubt) = self.moves.note(id).and_then(|moving| moving.doubt.as_mut()) else {
            return true;
        };
        let taken = doubt.note(segment);
        self.counters.probes_not_taken += u64::from(!taken);
        // It counts when the engine has had it.
        self.moves.touch(id);
        taken
    }

    /// Looks what is known by now of a connection in doubt that the host path has.
    pub(crate) fn poll_doubt(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some((received, rto)) = core.refuge_progress(id) else { return };
        let rto = rto.max(TIMEOUT_MIN);
        let Some(moving) = self.moves.note(id) else { return };
        let Some(doubt) = &mut moving.doubt else { return };
        match doubt.judge(now, received, rto) {
            Some(Judgement::Vouched) => {
                (moving.doubt, moving.wake_up) = (None, now);
                self.counters.vouched += 1;
                self.moves.touch(id);
            }
            Some(Judgement::Lost) => self.lose(now, core, id),
            None => {
                if now >= doubt.next {
                    core.ask_peer(now, id);
                    doubt.asked += 1;
                    // Twice in each timeout at first, then less and less often.
                    let pause = Nanos((rto.0 / QUESTIONS) << (doubt.asked / 8).min(6));
                    doubt.next = now + pause;
                }
                let decides = doubt.since + rto + rto;
                let waits = if now < decides { doubt.next.min(decides) } else { doubt.next };
                moving.wake_up = waits;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTO: Nanos = Nanos::from_millis(200);
    const START: Nanos = Nanos::from_secs(1);
    const HAS: Option<SeqNum> = Some(SeqNum(1000));

    fn segment(seq: u32, len: u32, flags: Flags) -> Segment {
        Segment {
            seq: SeqNum(seq),
            payload_len: len,
            flags: flags | Flags::ACK,
            ..Segment::default()
        }
    }

    fn judge(segments: &[Segment], ms: u64, received: u32) -> Option<Judgement> {
        let mut doubt = Doubt::new(START, HAS);
        for segment in segments {
            doubt.note(segment);
        }
        doubt.judge(START + Nanos::from_millis(ms), Some(SeqNum(received)), RTO)
    }

    #[test]
    fn a_peer_that_has_no_more_to_say_is_missing_nothing() {
        assert_eq!(judge(&[], 10_000, 1000), None, "a silent peer says nothing");
        assert_eq!(judge(&[segment(1000, 0, Flags::NONE)], 0, 1000), Some(Judgement::Vouched));
        // An older one was on its way for long.
        assert_eq!(judge(&[segment(900, 0, Flags::NONE)], 0, 1000), None);
    }

    #[test]
    fn what_follows_without_a_gap_had_not_been_acknowledged() {
        let beyond = segment(2000, 500, Flags::NONE);
        assert_eq!(judge(&[beyond; 9], 399, 1000), None);
        assert_eq!(judge(&[beyond; 9], 5000, 1001), Some(Judgement::Vouched));
    }

    #[test]
    fn three_segments_beyond_a_gap_in_two_timeouts_are_a_loss() {
        let beyond = segment(1001, 0, Flags::NONE);
        assert_eq!(judge(&[beyond; 3], 399, 1000), None);
        assert_eq!(judge(&[beyond; 2], 400, 1000), None);
        assert_eq!(judge(&[beyond; 3], 400, 1000), Some(Judgement::Lost));
        // Asked about a byte that we have, by a peer whose stream ends one further: as keepalive probes are.
        let probe = segment(1000, 0, Flags::NONE);
        assert_eq!(judge(&[beyond, probe, beyond, beyond], 400, 1000), Some(Judgement::Lost));
    }

    #[test]
    fn a_reset_where_the_record_ends_leaves_it_without_a_voucher() {
        let reset = |seq| Segment { flags: Flags::RST, ..segment(seq, 0, Flags::NONE) };
        let mut doubt = Doubt::new(START, HAS);
        assert!(doubt.note(&reset(1001)), "the engine has to see that it is none");
        assert_eq!(doubt.judge(START, HAS, RTO), None);
        assert!(
            !doubt.note(&reset(1000)),
            "what the application is told is not what the engine would"
        );
        assert_eq!(doubt.judge(START, HAS, RTO), Some(Judgement::Lost));
    }

    #[test]
    fn one_byte_of_garbage_is_not_taken() {
        let mut doubt = Doubt::new(START, HAS);
        assert!(!doubt.note(&segment(1000, 1, Flags::NONE)));
        assert!(doubt.note(&segment(1000, 1, Flags::PSH)));
        assert!(doubt.note(&segment(1000, 2, Flags::NONE)));
        assert!(doubt.note(&segment(999, 1, Flags::NONE)), "it is known");
    }

    #[test]
    fn a_handshake_that_is_over_for_the_peer_alone_is_lost() {
        let mut doubt = Doubt::new(START, None);
        let late = START + RTO + RTO;
        doubt.note(&segment(5, 0, Flags::SYN));
        assert_eq!(doubt.judge(late, None, RTO), None);
        for _ in 0..3 {
            doubt.note(&segment(6, 0, Flags::NONE));
        }
        assert_eq!(doubt.judge(late, None, RTO), Some(Judgement::Lost));
        assert_eq!(doubt.judge(late, Some(SeqNum(6)), RTO), Some(Judgement::Vouched));
    }
}
