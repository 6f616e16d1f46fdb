//! Connections of which nobody knows whether their peers were told more than the host has.
//!
//! Where adapters do not keep the commit rule ([`BondConfig::protect`](crate::BondConfig::protect)), one that dies takes
//! along what it had acknowledged and not told. The host's record may then lack bytes that the peer will never send again.
//! Such a connection goes on over the host path, where every segment of the peer is seen, and the peer is asked where it
//! stands. What it says decides:
//!
//! - bytes, or the end of its stream, that begin no later than what the host has ends: it keeps all from there on;
//! - an answer that begins where the host's record ends: it has nothing more to say;
//! - segments that begin beyond, and no other for two retransmission timeouts: what is missing is gone. The connection is
//!   lost, and both ends are told so.
//! - a reset: it has given up, or the end of its stream was acknowledged long ago and it has forgotten the connection. Whether
//!   the host's record is whole it will not say any more, so the connection is lost.
//!
//! Only what it said since it was asked counts. What it had said before may have waited in the queue of a card that lives,
//! while another copy of the same was acknowledged by the one that died. Timestamps tell (RFC 7323, 3.2): an answer brings
//! back one of the host path's own. Without them, what comes a timeout after the first question is taken for an answer.
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
    /// The timestamp that the host path began with, if it has any.
    stamp: Option<u32>,
    /// What the host has received, as far as it was looked at, if it knows the peer's numbers.
    received: Option<SeqNum>,
    /// Where the first in the peer's stream of the bytes begins that it has sent since then.
    keeps_from: Option<SeqNum>,
    /// Segments of the peer that began beyond what the host had.
    beyond: u32,
    /// One of them had nothing in it: where it began is where the peer's stream ends.
    ends_beyond: bool,
    /// One began there, and had nothing in it.
    ends_here: bool,
    /// It has said something since it was asked.
    is_answered: bool,
    /// It has reset the connection.
    is_reset: bool,
    /// When the peer is asked next.
    next: Nanos,
    asked: u64,
}

impl Doubt {
    /// Of a connection that the host path has just taken up.
    pub(crate) fn at_home(now: Nanos, core: &Core, id: SocketId) -> Self {
        let received = core.refuge_progress(id).and_then(|(received, _)| received);
        let stamp = core.refuge_stamp(now, id).and_then(|(_, stamp)| stamp);
        Self { since: now, stamp, received, next: now, ..Self::default() }
    }

    /// Whether the peer said it when the host path had spoken to it.
    fn is_answer(&self, now: Nanos, segment: &Segment) -> bool {
        match (self.stamp, segment.options.timestamps) {
            (Some(stamp), Some(stamps)) => stamps.echoes(stamp),
            _ => now - self.since >= TIMEOUT_MIN,
        }
    }

    /// Notes a segment of the peer, and says whether it is to be taken. One byte that is not pushed is not: it may be the garbage
    /// with which some ask whether we are alive (RFC 9293, 3.8.4), a byte before what they have to say. A peer that means
    /// it says it again together with what follows, or pushes it.
    fn note(&mut self, now: Nanos, segment: &Segment) -> bool {
        if segment.flags.contains(Flags::RST) {
            // Any other is none (RFC 5961, 3.2).
            self.is_reset |= self.received == Some(segment.seq);
            return !self.is_reset;
        }
        let is_garbage = segment.payload_len == 1
            && !segment.flags.intersects(Flags::PSH | Flags::FIN | Flags::SYN);
        let is_timed = self.stamp.zip(segment.options.timestamps).is_some();
        if self.is_answer(now, segment) {
            self.is_answered = true;
            self.note_answer(segment, is_garbage);
        } else if !is_timed && self.received.is_some_and(|received| segment.seq.after(received)) {
            // It counts when an answer is beyond as well: whoever does not answer questions says it again seldom.
            self.beyond += 1;
        }
        if self.received.is_none() && !segment.flags.contains(Flags::SYN) {
            // Its SYN would tell what we do not know; that it talks without says that the handshake is over for it. It takes
            // none of our timestamps: our SYN is none of its connection any more.
            self.beyond += 1;
        }
        !(is_garbage && self.received == Some(segment.seq))
    }

    fn note_answer(&mut self, segment: &Segment, is_garbage: bool) {
        let is_empty = segment.seq_len() == 0;
        if !is_empty && !is_garbage {
            let begins = self.keeps_from.map_or(segment.seq, |from| from.earlier(segment.seq));
            self.keeps_from = Some(begins);
        }
        match self.received {
            Some(received) if segment.seq.after(received) => {
                self.beyond += 1;
                self.ends_beyond |= is_empty;
            }
            Some(received) => self.ends_here |= is_empty && segment.seq == received,
            None => {}
        }
    }

    /// What follows, `received` being what the host has by now and `rto` the retransmission timeout.
    fn judge(&mut self, now: Nanos, received: Option<SeqNum>, rto: Nanos) -> Option<Judgement> {
        let keeps_all =
            self.keeps_from.zip(received).is_some_and(|(from, received)| !from.after(received));
        if keeps_all || self.ends_here && !self.ends_beyond {
            return Some(Judgement::Vouched);
        }
        if received.is_some_and(|by_now| self.received.is_none_or(|had| by_now.after(had))) {
            // What it had said before has come. What it answers from here on is to be seen against that.
            (self.received, self.beyond) = (received, 0);
            (self.ends_beyond, self.ends_here) = (false, false);
            return self.is_reset.then_some(Judgement::Lost);
        }
        let is_lasting = now - self.since >= rto + rto;
        let is_known = self.is_answered || self.received.is_none();
        let is_lost = self.is_reset || is_lasting && is_known && self.beyond >= SEGMENTS;
        is_lost.then_some(Judgement::Lost)
    }
}

/// The first timestamp of a host path that follows an owner which may have shown `shown`: a peer that is in doubt has to answer
/// with another than that.
pub(crate) fn first_stamp(shown: u32, is_doubtful: bool) -> u32 {
    shown.wrapping_add(is_doubtful.into())
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
        !self.is_protected(core, id) && !was_heard
    }

    /// Whether the adapter of a connection acknowledges only what the host has been told of.
    pub(crate) fn is_protected(&self, core: &Core, id: SocketId) -> bool {
        self.config.protect && core.is_protected(id)
    }

    /// A segment of the peer of a connection that the host path has. `false`: it is not to be taken.
    pub(crate) fn note_doubt(&mut self, now: Nanos, id: SocketId, segment: &Segment) -> bool {
        let Some(doubt) = self.moves.note(id).and_then(|moving| moving.doubt.as_mut()) else {
            return true;
        };
        let taken = doubt.note(now, segment);
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
                    let _ = core.ask_what_is_taken(now, id);
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
    use mafo_tcp::{Options, Timestamps};

    use super::*;

    const RTO: Nanos = Nanos::from_millis(200);
    const START: Nanos = Nanos::from_secs(1);
    const HAS: Option<SeqNum> = Some(SeqNum(1000));
    /// The first timestamp of the host path.
    const STAMP: u32 = u32::MAX;
    const VOUCHED: Judgement = Judgement::Vouched;

    fn asked(received: Option<SeqNum>) -> Doubt {
        Doubt { since: START, stamp: Some(STAMP), received, ..Doubt::default() }
    }

    /// An answer to the host path's first segment.
    fn segment(seq: u32, len: u32, flags: Flags) -> Segment {
        echoing(STAMP, seq, len, flags)
    }

    fn echoing(ecr: u32, seq: u32, len: u32, flags: Flags) -> Segment {
        Segment {
            seq: SeqNum(seq),
            payload_len: len,
            flags: flags | Flags::ACK,
            options: Options { timestamps: Some(Timestamps { val: 7, ecr }), ..Options::default() },
            ..Segment::default()
        }
    }

    fn judge(segments: &[Segment], ms: u64, received: u32) -> Option<Judgement> {
        let mut doubt = asked(HAS);
        for segment in segments {
            doubt.note(START, segment);
        }
        doubt.judge(START + Nanos::from_millis(ms), Some(SeqNum(received)), RTO)
    }

    #[test]
    fn a_peer_that_has_no_more_to_say_is_missing_nothing() {
        assert_eq!(judge(&[], 10_000, 1000), None, "a silent peer says nothing");
        assert_eq!(judge(&[segment(1000, 0, Flags::NONE)], 0, 1000), Some(VOUCHED));
        // An older one was on its way for long.
        assert_eq!(judge(&[segment(900, 0, Flags::NONE)], 0, 1000), None);
    }

    #[test]
    fn a_peer_that_sends_from_within_what_the_host_has_keeps_the_rest() {
        let beyond = segment(2000, 500, Flags::NONE);
        assert_eq!(judge(&[beyond; 9], 399, 1000), None);
        assert_eq!(judge(&[beyond, segment(1000, 500, Flags::NONE)], 0, 1500), Some(VOUCHED));
        assert_eq!(judge(&[beyond, segment(900, 50, Flags::NONE)], 0, 1000), Some(VOUCHED));
        assert_eq!(judge(&[segment(1000, 0, Flags::FIN)], 0, 1001), Some(VOUCHED));
        // What lay in between had been on its way for long.
        assert_eq!(judge(&[beyond], 0, 1999), None);
        assert_eq!(judge(&[beyond], 0, 2000), Some(VOUCHED));
    }

    /// They waited in the queue of a card that lives, and the dead one acknowledged other copies.
    #[test]
    fn what_the_peer_said_before_it_was_asked_speaks_neither_for_nor_against() {
        let old = |seq, len| echoing(STAMP - 1, seq, len, Flags::NONE);
        assert_eq!(judge(&[old(1000, 500)], 10_000, 1500), None);
        assert_eq!(judge(&[old(1000, 0)], 10_000, 1000), None);
        assert_eq!(judge(&[old(2000, 500); 9], 10_000, 1000), None);
        // The peer's clock of our timestamps wraps.
        let answer = echoing(STAMP.wrapping_add(1), 1000, 0, Flags::NONE);
        assert_eq!(judge(&[old(1000, 500), answer], 0, 1500), Some(VOUCHED));
    }

    /// Nor is the end of the peer's stream beyond what they filled.
    #[test]
    fn an_answer_is_seen_against_what_has_come_meanwhile() {
        for had in [HAS, None] {
            let (mut doubt, late) = (asked(had), START + RTO + RTO);
            let end = segment(1500, 0, Flags::NONE);
            (0..3).for_each(|_| assert!(doubt.note(START, &end)));
            assert_eq!(doubt.judge(late, Some(SeqNum(1500)), RTO), None);
            doubt.note(late, &end);
            assert_eq!(doubt.judge(late, Some(SeqNum(1500)), RTO), Some(VOUCHED));
        }
    }

    #[test]
    fn without_timestamps_what_comes_a_timeout_later_is_an_answer() {
        let bare = Segment { options: Options::default(), ..segment(1000, 0, Flags::NONE) };
        for stamp in [None, Some(STAMP)] {
            let mut doubt = Doubt { stamp, ..asked(HAS) };
            doubt.note(START + TIMEOUT_MIN - Nanos(1), &bare);
            assert_eq!(doubt.judge(START + TIMEOUT_MIN, HAS, RTO), None);
            doubt.note(START + TIMEOUT_MIN, &bare);
            assert_eq!(doubt.judge(START + TIMEOUT_MIN, HAS, RTO), Some(VOUCHED));
        }
    }

    /// smoltcp says nothing to whoever acknowledges less than it has had acknowledged, and sends again after 1, 3 and 7 s.
    #[test]
    fn without_timestamps_one_answer_beyond_tells_that_the_others_were_meant() {
        let bare = Segment { options: Options::default(), ..segment(2000, 500, Flags::NONE) };
        let mut doubt = Doubt { stamp: None, ..asked(HAS) };
        (0..3).for_each(|_| assert!(doubt.note(START, &bare)));
        assert_eq!(doubt.judge(START + TIMEOUT_MIN + TIMEOUT_MIN, HAS, RTO), None);
        doubt.note(START + TIMEOUT_MIN, &bare);
        assert_eq!(doubt.judge(START + RTO + RTO, HAS, RTO), Some(Judgement::Lost));
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
        // With garbage in it, which is no byte that it keeps.
        let probe = segment(1000, 1, Flags::NONE);
        assert_eq!(judge(&[beyond, probe, beyond, beyond], 400, 1000), Some(Judgement::Lost));
    }

    #[test]
    fn a_reset_where_the_record_ends_leaves_it_without_a_voucher() {
        let reset = |seq| Segment { flags: Flags::RST, ..segment(seq, 0, Flags::NONE) };
        let mut doubt = asked(HAS);
        assert!(doubt.note(START, &reset(1001)), "the engine has to see that it is none");
        assert_eq!(doubt.judge(START, HAS, RTO), None);
        assert!(
            !doubt.note(START, &reset(1000)),
            "what the application is told is not what the engine would"
        );
        assert_eq!(doubt.judge(START, HAS, RTO), Some(Judgement::Lost));
    }

    #[test]
    fn one_byte_of_garbage_is_not_taken() {
        let mut doubt = asked(HAS);
        assert!(!doubt.note(START, &segment(1000, 1, Flags::NONE)));
        assert!(doubt.note(START, &segment(1000, 1, Flags::PSH)));
        assert!(doubt.note(START, &segment(1000, 2, Flags::NONE)));
        assert!(doubt.note(START, &segment(999, 1, Flags::NONE)), "it is known");
    }

    #[test]
    fn a_handshake_that_is_over_for_the_peer_alone_is_lost() {
        let late = START + RTO + RTO;
        let mut doubt = asked(None);
        for _ in 0..3 {
            doubt.note(START, &segment(5, 0, Flags::SYN));
        }
        assert_eq!(doubt.judge(late, None, RTO), None);
        assert_eq!(doubt.judge(late, Some(SeqNum(6)), RTO), Some(VOUCHED));
        let mut doubt = asked(None);
        for _ in 0..3 {
            doubt.note(START, &echoing(STAMP - 1, 6, 0, Flags::NONE));
        }
        assert_eq!(doubt.judge(late, None, RTO), Some(Judgement::Lost));
    }
}
