//! A segment arrives (RFC 9293 3.10.7): which checks it must pass, and what of it counts.
//!
//! The order of the checks is the RFC's: timestamp, sequence number, RST, SYN, ACK, payload, FIN.

use mafo_mem::Nanos;

use crate::assembler::Inserted;
use crate::tcb::{Fin, Recent, is_older};
use crate::{
    Connection, Ended, Engine, Events, Flags, Input, Opened, Payload, PeerFin, Recovery, SackBlock,
    Segment, SeqNum, State,
};

/// The most duplicate ACKs that wait for one output; a peer needs three.
const IMMEDIATE_MAX: u8 = 32;

impl Connection {
    /// Takes a segment of this connection, whose checksum was right.
    ///
    //= rfc9293#3.10.7
    pub fn handle_segment(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment) -> Input {
        engine.counters.rx_segments += 1;
        self.snd.writes.release();
        let mut input = Input::default();
        if self.predicts(segment) {
            engine.counters.rx_predicted += 1;
            self.handle_predicted(engine, now, segment, &mut input);
        } else {
            self.handle_any(engine, now, segment, &mut input);
        }
        self.watch_progress(now);
        input
    }

    /// Whether a segment that was joined of several is what the connection expects next, and would be answered as they would: it
    /// brings more than one full segment.
    #[must_use]
    pub fn predicts_joined(&self, segment: &Segment) -> bool {
        segment.payload_len > u32::from(self.rcv.mss) && self.predicts(segment)
    }

    /// Whether the segment is what an undisturbed connection expects next: payload in order, or an ACK
    /// of something new, and nothing to be repaired on either side.
    #[inline]
    fn predicts(&self, segment: &Segment) -> bool {
        let on_time = match (&self.timestamps, segment.options.timestamps) {
            (None, _) => true,
            (Some(state), Some(ts)) => {
                state.recent.is_some_and(|recent| !is_older(ts.val, recent.val))
            }
            (Some(_), None) => false,
        };
        self.state == State::Established
            && segment.flags.without(Flags::PSH) == Flags::ACK
            && segment.seq == self.rcv.nxt
            && segment.payload_len <= self.rcv.wnd
            && on_time
            && segment.ack.since(self.snd.una) <= self.snd.flight()
            && (segment.payload_len > 0 || segment.ack != self.snd.una)
            && segment.options.sack.is_empty()
            && self.snd.recovery == Recovery::Open
            && self.flight.dup_acks == 0
            && self.flight.dup_bytes == 0
            && self.flight.board.left_network() == 0
            && self.flight.held.is_empty()
            && self.peer_fin() == PeerFin::Absent
    }

    /// As [`Connection::handle_any`], less the checks that [`Connection::predicts`] has made.
    fn handle_predicted(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        self.heard(&engine.config, now);
        self.note_timestamp(now, segment);
        input.acked = match self.on_plain_ack(engine, now, segment) {
            Some(acked) => acked,
            None => self.on_ack(engine, now, segment),
        };
        self.on_una_moved(engine);
        self.update_send_window(segment);
        if segment.payload_len > 0 {
            self.take_marks(engine, segment);
            input.payload = self.take_in_order(engine, now, 0, segment.payload_len, input);
        }
    }

    pub(crate) fn handle_any(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        match self.state {
            State::Closed => engine.counters.rx_drop_closed += 1,
            State::SynSent => self.handle_in_syn_sent(engine, now, segment, input),
            State::TimeWait if segment.may_reopen(self.rcv.nxt, self.ts_recent()) => {
                input.events |= Events::REOPEN;
            }
            State::SynRcvd
                if segment.seq == self.rcv.irs
                    && segment.flags.without(Flags::RST) == segment.flags
                    && segment.flags.contains(Flags::SYN) =>
            {
                self.handle_syn_again(engine, now, segment, input);
            }
            _ => self.handle_with_window(engine, now, segment, input),
        }
    }

    //= rfc9293#3.10.7.3
    fn handle_in_syn_sent(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        let flags = segment.flags;
        let acked = flags.contains(Flags::ACK);
        // First: an ACK of anything but our SYN.
        if acked && segment.ack != self.snd.iss + 1 {
            engine.counters.rx_drop_ack_unsent += 1;
            if !flags.contains(Flags::RST) {
                self.flight.reset = Some(segment.ack);
            }
            return;
        }
        //= rfc5961#3.2 RFC5961-3.2-5
        // Second: RST. Without an ACK of our SYN it may come from anybody.
        if flags.contains(Flags::RST) {
            if acked {
                engine.counters.rx_resets += 1;
                self.end(Ended::Refused);
                input.events |= Events::CLOSED;
            } else {
                engine.counters.rx_drop_reset += 1;
            }
            return;
        }
        // Fourth: SYN.
        if !flags.contains(Flags::SYN) {
            engine.counters.rx_drop_no_syn += 1;
            return;
        }
        self.take_syn(now, segment);
        if !acked {
            //= rfc9293#3.5 MUST-10
            //= rfc7323#3.2 RFC7323-3.2-7
            // Both sides open at once.
            self.state = State::SynRcvd;
            self.pending.syn = true;
            // The SYN,ACK has its own patience; that our SYN was lost is still known.
            self.snd.retransmits = self.snd.retransmits.min(1);
            return;
        }
        self.snd.wl2 = segment.ack;
        input.events |= self.on_established(engine, now, segment);
        // What comes with the SYN,ACK begins behind the SYN.
        let rest = Segment { seq: segment.seq + 1, ..*segment };
        self.take_payload_and_fin(engine, now, &rest, input);
    }

    /// The peer's SYN once more: our SYN,ACK was lost, or, when both open at once, this is the SYN,ACK
    /// that answers ours.
    //= rfc1122#4.2.2.20 RFC1122-4.2.2.20-1
    fn handle_syn_again(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        if segment.flags.contains(Flags::ACK) {
            //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-7
            // Its ECN bits were of the handshake.
            let flags = segment.flags.without(Flags::SYN | Flags::ECE | Flags::CWR);
            // The window of a SYN is not scaled, that of what is left of it would be.
            let window = segment.window >> self.snd_shift();
            let rest = Segment { seq: segment.seq + 1, flags, window, ..*segment };
            self.handle_with_window(engine, now, &rest, input);
        } else {
            engine.counters.rx_duplicates += 1;
            //= rfc3168#6.1.1.1
            // It may have left ECN out this time.
            self.ecn.on_syn(segment, self.snd.cc.algorithm());
            self.note_timestamp(now, segment);
            if !self.pending.syn {
                //= rfc6298#3 RFC6298-3-2
                // Which of our SYN,ACKs will be answered nobody can tell; one was lost, or late.
                self.snd.retransmits = self.snd.retransmits.max(1);
            }
            self.pending.syn = true;
        }
    }

    //= rfc9293#3.10.7.4
    fn handle_with_window(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        let flags = segment.flags;
        if !self.passes_timestamp_check(engine, now, segment) {
            return;
        }
        if flags.contains(Flags::RST) {
            self.handle_reset(engine, now, segment, input);
            return;
        }
        if !self.is_in_window(segment) {
            self.drop_outside_window(engine, now, segment, input);
            return;
        }
        //= rfc5961#4.2 RFC5961-4.2-1 RFC5961-4.2-2
        if flags.contains(Flags::SYN) {
            engine.counters.rx_drop_syn += 1;
            if self.state == State::SynRcvd && self.opened == Opened::Passively {
                self.end(Ended::Reset);
                input.events |= Events::CLOSED;
            } else {
                self.challenge(engine, now);
            }
            return;
        }
        //= rfc7323#3.2 RFC7323-3.2-7
        if !flags.contains(Flags::ACK) {
            engine.counters.rx_drop_no_ack += 1;
            return;
        }
        if !self.passes_ack_check(engine, now, segment, input) {
            return;
        }
        self.note_timestamp(now, segment);
        self.take_ack(engine, now, segment, input);
        if flags.contains(Flags::URG) {
            self.take_urgent(engine, segment, input);
        }
        self.take_payload_and_fin(engine, now, segment, input);
    }

    /// PAWS: whether the segment may be of this incarnation and this lap of the sequence numbers.
    ///
    //= rfc7323#5.3 RFC7323-5.3-1
    //= rfc7323#5.2 RFC7323-5.2-1 RFC7323-5.2-2
    fn passes_timestamp_check(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
    ) -> bool {
        let Some(state) = &self.timestamps else { return true };
        if segment.flags.contains(Flags::RST) {
            return true;
        }
        let Some(ts) = segment.options.timestamps else {
            //= rfc7323#3.2 RFC7323-3.2-4 RFC7323-3.2-5
            engine.counters.rx_drop_no_timestamp += u64::from(engine.config.timestamps_required);
            return !engine.config.timestamps_required;
        };
        match state.recent {
            Some(recent) if recent.refutes(ts.val, now) => {
                engine.counters.rx_drop_paws += 1;
                self.answer_unacceptable(engine, now, segment);
                false
            }
            _ => true,
        }
    }

    /// Takes the timestamp that is to be echoed: that of the segment which the last ACK asked for.
    ///
    //= rfc7323#4.3 RFC7323-4.3-1 RFC7323-4.3-2 RFC7323-4.3-3
    //= rfc7323#5.3 RFC7323-5.3-2
    /// Only of a segment that passed all other checks: whoever can make this connection believe a
    /// timestamp from the future makes it drop all that its peer sends.
    fn note_timestamp(&mut self, now: Nanos, segment: &Segment) {
        let asked_for = segment.seq.at_or_before(self.rcv.last_ack_sent);
        let (Some(state), Some(ts)) = (&mut self.timestamps, segment.options.timestamps) else {
            return;
        };
        let newer = state.recent.is_none_or(|recent| !recent.refutes(ts.val, now));
        if asked_for && newer {
            state.recent = Some(Recent::new(ts.val, now));
        }
    }

    /// Whether any of the segment is within the window.
    ///
    /// More is let through than the RFC's table does, as other stacks do, because an ACK is worth having:
    /// a segment without payload right at the edge (its sender has filled the window, and part of that
    /// was lost), and with a closed window one with payload at `rcv_nxt`, whose payload is then cut off.
    //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-3
    fn is_in_window(&self, segment: &Segment) -> bool {
        let starts_by_edge = segment.seq.at_or_before(self.rcv.edge());
        match segment.seq_len() {
            0 => segment.seq.at_or_after(self.rcv.nxt) && starts_by_edge,
            len => (segment.seq + len).after(self.rcv.nxt) && starts_by_edge,
        }
    }

    fn drop_outside_window(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        let end = segment.seq + segment.seq_len();
        // What is older than a window is nothing that the peer could have sent again.
        let duplicate = segment.payload_len > 0
            && end.at_or_before(self.rcv.nxt)
            && segment.seq.at_or_after(self.rcv.nxt - self.rcv.wnd_max);
        if duplicate {
            self.flight.take_from(&mut engine.flights);
            engine.counters.rx_duplicates += 1;
            let end = segment.seq + segment.payload_len;
            self.flight.duplicate = Some(SackBlock { start: segment.seq, end });
        } else {
            engine.counters.rx_drop_window += 1;
        }
        let (wnd, largest) = (self.rcv.wnd, self.rcv.ack.rhythm.largest);
        self.rcv.ack.rhythm.on_trouble(&engine.config, wnd, largest);
        self.answer_unacceptable(engine, now, segment);
        if duplicate && self.state != State::SynRcvd {
            self.take_ack_of_duplicate(engine, now, segment, input);
        }
        //= rfc9293#3.10.7.4
        // The peer's FIN again: our ACK of it was lost, and may be lost again.
        if self.state == State::TimeWait
            && segment.flags.contains(Flags::FIN)
            && end == self.rcv.nxt
            && let crate::TimeWait::Keep(duration) = engine.config.time_wait
        {
            self.timers.lingers_until(now + duration);
        }
    }

    /// What a segment acknowledges counts also where all of its payload is here already, as in BSD: a
    /// peer that sends something again may have nothing else to say it with, and its next word would
    /// be the answer to our retransmission timer.
    //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-4
    fn take_ack_of_duplicate(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        let (flags, ack) = (segment.flags, segment.ack);
        //= rfc5961#5.2
        // One that cannot be meant has its answer already.
        let meant = !ack.after(self.snd.max) && ack.at_or_after(self.snd.una - self.snd.wnd_max);
        if flags.contains(Flags::ACK) && !flags.contains(Flags::SYN) && meant {
            self.take_ack(engine, now, segment, input);
        }
    }

    /// Takes in what the peer says of our bytes, and its window.
    fn take_ack(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment, input: &mut Input) {
        self.heard(&engine.config, now);
        let fin_was_acked = self.snd.fin_acked();
        input.acked = self.on_ack(engine, now, segment);
        self.on_una_moved(engine);
        self.update_send_window(segment);
        if !fin_was_acked && self.snd.fin_acked() {
            input.events |= self.on_fin_acked(engine, now);
        }
    }

    /// What goes with the left edge of what we send.
    fn on_una_moved(&mut self, engine: &mut Engine) {
        self.on_una_beyond_mtu_probe(engine);
        let una = self.snd.una;
        if let Some(flight) = self.flight.present() {
            flight.snd_up.take_if(|up| up.at_or_before(una));
        }
    }

    /// The peer says where its urgent bytes end. They are delivered in line, and the owner is told of
    /// the place whenever it moves ahead.
    ///
    //= rfc9293#3.8.5 MUST-30 MUST-31 MUST-32
    //= rfc6093#4 RFC6093-4-2
    fn take_urgent(&mut self, engine: &mut Engine, segment: &Segment, input: &mut Input) {
        engine.counters.rx_urgent += 1;
        let up = segment.seq + u32::from(segment.urgent);
        let before = self.flight.rcv_up.map_or(self.rcv.nxt, |before| before.later(self.rcv.nxt));
        if self.state.takes_payload() && up.after(before) {
            self.flight.take_from(&mut engine.flights);
            self.flight.rcv_up = Some(up);
            input.urgent = Some(up.since(self.rcv.nxt));
        }
    }

    /// An ACK answers what cannot be used, so that a peer out of step finds back. Segments that carry
    /// nothing are answered only so often, or two peers could go on for ever.
    //= rfc1122#4.2.3.6 RFC1122-4.2.3.6-1
    //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-5
    fn answer_unacceptable(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment) {
        if segment.payload_len > 0 || self.spend_challenge(engine, now) {
            self.owe_immediate_ack();
        }
    }

    /// A challenge ACK: only a peer that is what it claims to be can answer it.
    ///
    //= rfc5961#3.2 RFC5961-3.2-3
    //= rfc5961#7 RFC5961-7-1
    fn challenge(&mut self, engine: &mut Engine, now: Nanos) {
        if self.spend_challenge(engine, now) {
            engine.counters.challenge_acks += 1;
            self.owe_immediate_ack();
        }
    }

    fn spend_challenge(&mut self, engine: &mut Engine, now: Nanos) -> bool {
        self.flight.take_from(&mut engine.flights);
        let allowed = self.flight.challenges.take(now, engine.config.challenge_acks_per_second);
        engine.counters.challenge_acks_limited += u64::from(!allowed);
        allowed
    }

    fn owe_immediate_ack(&mut self) {
        self.rcv.ack.immediate = self.rcv.ack.immediate.saturating_add(1).min(IMMEDIATE_MAX);
    }

    /// A reset counts when its sender knows exactly where we are: at `rcv_nxt`, or at the last ACK
    /// sent, which is what the reset that answers one carries. Elsewhere in the window it is challenged.
    ///
    //= rfc5961#3.2 RFC5961-3.2-1 RFC5961-3.2-2 RFC5961-3.2-3 RFC5961-3.2-4
    //= rfc9293#3.4 MUST-66
    //= rfc9293#3.5.3 SHLD-2
    fn handle_reset(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-1
        //= rfc1337#3
        // RFC 9293 3.10.7.4 would end TIME-WAIT. An old duplicate of our own reset's answer would then
        // open the way for old duplicates of everything else, which is what TIME-WAIT keeps out.
        if self.state == State::TimeWait {
            engine.counters.rx_drop_reset += 1;
            return;
        }
        //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-2
        if segment.seq != self.rcv.nxt && segment.seq != self.rcv.last_ack_sent {
            engine.counters.rx_drop_reset += 1;
            if self.is_in_window(segment) {
                self.challenge(engine, now);
            }
            return;
        }
        engine.counters.rx_resets += 1;
        let why = match (self.state, self.opened) {
            //= rfc9293#3.5 MUST-11
            (State::SynRcvd, Opened::Actively) => Ended::Refused,
            _ => Ended::Reset,
        };
        self.end(why);
        input.events |= Events::CLOSED;
    }

    /// Whether the ACK field is one that the peer can have meant.
    fn passes_ack_check(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) -> bool {
        let ack = segment.ack;
        if self.state == State::SynRcvd {
            if ack != self.snd.iss + 1 {
                engine.counters.rx_drop_ack_unsent += 1;
                self.flight.reset = Some(ack);
                return false;
            }
            input.events |= self.on_established(engine, now, segment);
            self.snd.wl1 = segment.seq;
            self.snd.wl2 = ack;
            self.snd.set_window(u32::from(segment.window) << self.snd_shift());
            self.snd.wnd_max = self.snd.wnd;
            return true;
        }
        //= rfc5961#5.2 RFC5961-5.2-1 RFC5961-5.2-2
        if ack.after(self.snd.max) {
            engine.counters.rx_drop_ack_unsent += 1;
            self.challenge(engine, now);
            return false;
        }
        //= rfc9293#3.10.7.4 MAY-12
        if ack.before(self.snd.una - self.snd.wnd_max) {
            engine.counters.rx_drop_ack_old += 1;
            self.challenge(engine, now);
            return false;
        }
        true
    }

    /// Takes the peer's window unless the segment is older than the one that told it last.
    ///
    //= rfc9293#3.10.7.4 RFC9293-3.10.7.4-6
    /// The RFC goes by the sequence number first. A retransmission has an old one, but what it
    /// acknowledges is new, and so is its window: kept, the old window would now end too far right.
    //= rfc7323#2.3 RFC7323-2.3-1
    fn update_send_window(&mut self, segment: &Segment) {
        let (seq, ack) = (segment.seq, segment.ack);
        let newer = self.snd.wl2.before(ack)
            || self.snd.wl1.before(seq)
            || self.snd.wl1 == seq && self.snd.wl2 == ack;
        if ack == self.snd.una && newer {
            self.snd.set_window(u32::from(segment.window) << self.snd_shift());
            self.snd.wnd_max = self.snd.wnd_max.max(self.snd.wnd);
            self.snd.wl1 = self.snd.wl1.later(seq);
            self.snd.wl2 = ack;
        }
    }

    //= rfc9293#3.10.7.4
    fn on_fin_acked(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        Events::FIN_ACKED
            | match self.state {
                State::FinWait1 => {
                    self.state = State::FinWait2;
                    if let Some(patience) = self.fin_wait2(&engine.config) {
                        self.timers.lingers_until(now + patience);
                    }
                    Events::NONE
                }
                State::Closing => self.enter_time_wait(&engine.config, now),
                State::LastAck => {
                    self.end(Ended::Finished);
                    Events::CLOSED
                }
                _ => Events::NONE,
            }
    }

    //= rfc9293#3.10.7.4
    fn take_payload_and_fin(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) {
        if !self.state.takes_payload() {
            if segment.payload_len > 0 {
                engine.counters.rx_drop_after_fin += 1;
            }
            return;
        }
        if segment.flags.contains(Flags::FIN) && segment.seq.at_or_before(self.rcv.nxt) {
            self.rcv.ack.rhythm.on_peer_fin();
        }
        if segment.payload_len > 0 {
            self.take_marks(engine, segment);
            input.payload = self.take_payload(engine, now, segment, input);
        }
        let end = segment.seq + segment.payload_len;
        // A FIN beyond the window comes again, when its bytes have been read.
        if segment.flags.contains(Flags::FIN)
            && self.peer_fin() == PeerFin::Absent
            && end.at_or_after(self.rcv.nxt)
            && end.at_or_before(self.rcv.edge())
        {
            self.flight.take_from(&mut engine.flights);
            self.flight.fin = Some(end);
            // Nothing follows a FIN, whatever was sent before it.
            self.flight.held.cut_off(end);
            if segment.payload_len == 0 && end != self.rcv.nxt {
                self.owe_immediate_ack();
            }
        }
        if self.flight.fin == Some(self.rcv.nxt) {
            input.events |= self.on_peer_fin(engine, now);
        }
    }

    /// Decides on a segment's payload: what lies before `rcv_nxt` or beyond the window is cut off.
    fn take_payload(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        input: &mut Input,
    ) -> Payload {
        let edge = self.rcv.edge();
        let edge = self.flight.fin.map_or(edge, |fin| edge.earlier(fin));
        let start = segment.seq.later(self.rcv.nxt);
        let end = (segment.seq + segment.payload_len).earlier(edge);
        if end.at_or_before(start) {
            engine.counters.rx_drop_window += 1;
            self.owe_immediate_ack();
            return Payload::Drop;
        }
        if end != segment.seq + segment.payload_len {
            self.owe_immediate_ack();
        }
        let (skip, len) = (start.since(segment.seq), end.since(start));
        if skip > 0 {
            self.flight.duplicate = Some(SackBlock { start: segment.seq, end: self.rcv.nxt });
        }
        if start == self.rcv.nxt {
            self.take_in_order(engine, now, skip, len, input)
        } else {
            self.hold(engine, start, end, skip)
        }
    }

    /// `len` bytes at `rcv_nxt` have come.
    //= rfc5681#3.2 RFC5681-3.2-2
    //= rfc5681#4.2 RFC5681-4.2-1 RFC5681-4.2-2
    //= rfc9293#3.8.6.3 SHLD-18 SHLD-19
    fn take_in_order(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        skip: u32,
        len: u32,
        input: &mut Input,
    ) -> Payload {
        let had_gap = !self.flight.held.is_empty();
        let mut nxt = self.rcv.nxt + len;
        if had_gap {
            self.note_duplicate(self.rcv.nxt, nxt);
            nxt = self.flight.held.advance(nxt);
        }
        input.advanced = nxt.since(self.rcv.nxt);
        engine.counters.rx_bytes += u64::from(input.advanced);
        self.rcv.nxt = nxt;
        if let Some(flight) = self.flight.present() {
            flight.rcv_up.take_if(|up| up.at_or_before(nxt));
        }
        self.rcv.wnd -= input.advanced;
        self.rcv.undelivered += input.advanced;
        // Duplicates that still wait to be sent would repeat the new number instead of the old one.
        self.rcv.ack.immediate = self.rcv.ack.immediate.min(1);
        self.rcv.ack.segments = self.rcv.ack.segments.saturating_add(1);
        let (rtt, wnd) = (&self.snd.rtt, self.rcv.wnd);
        let ack = &mut self.rcv.ack;
        let largest = len.min(u16::MAX.into()) as u16;
        let largest = ack.rhythm.largest.max(largest.min(self.rcv.mss));
        ack.rhythm.largest = largest;
        let rto = || rtt.timeout(&engine.config);
        ack.rhythm.on_payload(&engine.config, now, rto, wnd, largest);
        // A segment that a port joined of several counts as what it was made of.
        let unacked = self.rcv.nxt.since(self.rcv.last_ack_sent);
        let joined = unacked > u32::from(self.rcv.mss);
        //= rfc9293#3.8.6.3
        //= rfc5681#4.2
        if had_gap
            || !self.switches.delayed_ack
            || ack.segments >= 2
            || joined
            || ack.rhythm.is_quick()
        {
            ack.now = true;
        } else {
            let delay = ack.rhythm.delay(&engine.config, self.snd.rtt.srtt());
            self.timers.delayed_ack.arm_if_off(now + delay);
        }
        Payload::Deliver { skip, len }
    }

    /// `start..end` has come with a gap before it.
    //= rfc9293#3.10.7.4 SHLD-31 MAY-13
    //= rfc5681#3.2 RFC5681-3.2-1
    fn hold(&mut self, engine: &mut Engine, start: SeqNum, end: SeqNum, skip: u32) -> Payload {
        //= rfc5681#4.2
        self.owe_immediate_ack();
        self.flight.take_from(&mut engine.flights);
        self.note_duplicate(start, end);
        match self.flight.held.insert(start, end, engine.config.held_ranges_max) {
            Inserted::Held => {
                engine.counters.rx_held += 1;
                let (len, offset) = (end.since(start), start.since(self.rcv.nxt));
                Payload::Hold { skip, len, offset }
            }
            Inserted::Known => {
                engine.counters.rx_duplicates += 1;
                Payload::Drop
            }
            Inserted::Full => {
                engine.counters.rx_drop_held_full += 1;
                Payload::Drop
            }
        }
    }

    /// Of `start..end`, which has come, what was held already is to be reported. The first such part is: a
    /// report has one block for it, and what was sent before is the likelier cause. A duplicate of bytes
    /// that are in order counts before that.
    //= rfc2883#4 RFC2883-4-1
    fn note_duplicate(&mut self, start: SeqNum, end: SeqNum) {
        let known = self.flight.held.first_known(start, end);
        if let Some(known) = known.filter(|_| self.flight.duplicate.is_none()) {
            self.flight.duplicate = Some(known);
        }
    }

    /// The ACK of a FIN is due at once, but where we answer what we hear: there our own FIN may follow soon,
    /// and carries it.
    ///
    //= rfc9293#3.10.7.4
    fn owe_ack_of_fin(&mut self, engine: &Engine, now: Nanos) {
        let unacked = self.rcv.nxt.since(self.rcv.last_ack_sent);
        let rhythm = &self.rcv.ack.rhythm;
        let may_wait = self.state == State::Established && self.switches.delayed_ack;
        if may_wait && rhythm.delays_fin(&engine.config) && unacked <= rhythm.full_segment() {
            self.rcv.ack.owed = true;
            let delay = rhythm.delay(&engine.config, self.snd.rtt.srtt());
            self.timers.delayed_ack.arm_if_off(now + delay);
        } else {
            self.rcv.ack.now = true;
        }
    }

    /// The peer's FIN is in order.
    fn on_peer_fin(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        self.rcv.fin = Fin::Undelivered;
        self.flight.fin = None;
        self.rcv.ack.rhythm.on_peer_fin();
        self.rcv.nxt += 1;
        if let Some(flight) = self.flight.present() {
            flight.rcv_up = None;
        }
        self.rcv.wnd = self.rcv.wnd.saturating_sub(1);
        self.owe_ack_of_fin(engine, now);
        self.rcv.ack.immediate = self.rcv.ack.immediate.min(1);
        Events::PEER_FIN
            | match self.state {
                State::Established => {
                    self.state = State::CloseWait;
                    Events::NONE
                }
                State::FinWait1 => {
                    self.state = State::Closing;
                    Events::NONE
                }
                State::FinWait2 => self.enter_time_wait(&engine.config, now),
                _ => Events::NONE,
            }
    }
}

#[cfg(test)]
mod tests {
    use crate::script::*;

    /// Its owner may not have forgotten it yet, and sends the reset that RFC 9293 3.10.7.1 asks for.
    #[test]
    fn what_comes_to_a_closed_connection_is_counted() {
        let mut t = Trace::established(&mut EngineBench, Setup::default(), Peer::default());
        t.abort();
        t.drain();
        t.restart_counters();
        inject!(t, ACK, seq 1, ack 1, len 10);
        silence!(t, until 1000 ms);
        counted!(t, rx_segments: 1, rx_drop_closed: 1);
    }
}
