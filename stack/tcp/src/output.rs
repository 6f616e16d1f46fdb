//! What is to be sent next. One segment a call, in this order: resets, ACKs that must not wait, what was
//! lost, what is new, probes, ACKs that are due.

use mafo_mem::Nanos;

use crate::segment::{sack_blocks_max, sack_len};
use crate::tcb::Fin;
use crate::timers::RetransmitTimer;
use crate::writes::Piece;
use crate::{
    Config, Connection, Engine, Flags, Follows, Frto, LastWord, Output, Probe, SackBlock,
    SackBlocks, Segment, SeqNum, State, Timestamps,
};

/// How long a segment that is hardly worth sending waits for a better one when nothing is in flight
/// (RFC 9293 3.8.6.2.1).
const SWS_OVERRIDE_MIN: Nanos = Nanos::from_millis(100);
const SWS_OVERRIDE_MAX: Nanos = Nanos::from_secs(1);

impl Connection {
    /// The next segment that is due; call until `None`, or until one is the [`Output::last`].
    pub fn poll_output(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if self.is_undisturbed() {
            #[cfg(test)]
            let twin = (self.clone(), engine.clone());
            let output = self.poll_straight(engine, now);
            let decided = output.is_some() || self.rests(engine, now);
            #[cfg(test)]
            {
                self.agrees_with(twin, engine, now, decided.then_some(output));
                self.tries_alike(engine, now, output);
            }
            if decided {
                return output;
            }
        }
        self.poll_any(engine, now)
    }

    /// As [`Connection::poll_output`], however disturbed the connection is.
    pub(crate) fn poll_any(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        self.end_hold();
        let output = self.next_output(engine, now);
        self.watch_progress(now);
        if output.is_none() {
            self.give_back_flight(&mut engine.flights, now);
        }
        output
    }

    //= rfc9293#3.10.7.4 MUST-58
    fn next_output(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if let Some(seq) = self.flight.present().and_then(|flight| flight.reset.take()) {
            engine.counters.tx_resets += 1;
            return Some(self.bare(engine, Flags::RST, seq));
        }
        match self.state {
            State::Closed => self.poll_last_word(engine, now),
            State::SynSent | State::SynRcvd => {
                self.poll_immediate_ack(engine, now).or_else(|| self.poll_syn(engine, now))
            }
            _ => self
                .poll_split_ack(engine, now)
                .or_else(|| self.poll_immediate_ack(engine, now))
                .or_else(|| self.poll_payload(engine, now))
                .or_else(|| self.poll_probe(engine, now))
                .or_else(|| self.poll_due_ack(engine, now)),
        }
    }

    fn poll_last_word(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        match self.pending.last_word? {
            LastWord::Reset => {
                self.pending.last_word = None;
                engine.counters.tx_resets += 1;
                let output = self.build(engine, now, self.snd.max, Flags::RST | Flags::ACK, 0);
                Some(output)
            }
            LastWord::Ack if self.rcv.ack_no() == self.rcv.nxt => {
                self.pending.last_word = None;
                Some(self.ack(engine, now))
            }
            LastWord::Ack => None,
        }
    }

    /// SYN, or SYN,ACK.
    fn poll_syn(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if !core::mem::take(&mut self.pending.syn) {
            return None;
        }
        let again = self.snd.retransmits > 0;
        let flags = match self.state {
            State::SynSent => Flags::SYN | self.ecn.syn_flags(again),
            _ => Flags::SYN | Flags::ACK | self.ecn.syn_ack_flags(),
        };
        engine.counters.retransmits += u64::from(self.snd.retransmits > 0);
        self.snd.last_sent = now;
        self.arm_retransmit(engine, now);
        Some(self.build(engine, now, self.snd.iss, flags, 0))
    }

    fn poll_immediate_ack(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        self.rcv.ack.immediate = self.rcv.ack.immediate.checked_sub(1)?;
        Some(self.ack(engine, now))
    }

    //= rfc9293#3.10.7.4 MUST-58 MUST-59
    //= rfc5681#4.2 RFC5681-4.2-3
    fn poll_due_ack(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        let due = self.pending.window_update || self.owes_ack();
        due.then(|| self.ack(engine, now))
    }

    /// Whether an ACK is due of something that was delivered.
    pub(crate) fn owes_ack(&self) -> bool {
        self.rcv.ack.now && self.rcv.ack_no().after(self.rcv.last_ack_sent)
    }

    /// What was lost, else what is new.
    fn poll_payload(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        self.snd.cc.set_waiting(false);
        if let Some(output) = self.poll_tail_probe(engine, now) {
            return Some(output);
        }
        if self.snd.cc.holds_until(now, self.payload_max()).is_some() {
            let waits = self.flight.board.lost() > 0 || self.has_unsent();
            self.snd.cc.set_waiting(waits);
            if !waits {
                // What the peer's window held back may have been called off.
                self.timers.stop_persist();
            }
            self.snd.writes.break_train();
            return None;
        }
        let output = self.poll_lost_or_new(engine, now);
        if output.is_none() {
            self.on_sending_stopped(now);
        }
        output
    }

    /// Nothing more leaves now, and it is not the pace that holds it.
    fn on_sending_stopped(&mut self, now: Nanos) {
        self.note_window_use(now);
        if !self.snd.cc.paces() {
            return;
        }
        let at = self.situation(now);
        let unsent = self.snd.tx_max.later(self.snd.max).since(self.snd.max);
        if unsent < at.mss && self.flight.board.lost() == 0 && at.pipe < self.snd.cc.cwnd() {
            self.snd.cc.on_app_limited(at.pipe);
        }
    }

    pub(crate) fn note_window_use(&mut self, now: Nanos) {
        let (at, cwnd) = (self.situation(now), self.snd.cc.cwnd());
        if let Some(flight) = self.flight.present() {
            flight.used.on_sending_stopped(&at, cwnd);
        }
    }

    //= rfc6675#5 RFC6675-5-4
    //= rfc5682#2.1 RFC5682-2.1-4
    fn poll_lost_or_new(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if self.flight.board.lost() == 0 {
            return self.poll_new(engine, now);
        }
        //= rfc5682#3.1
        //= rfc5682#2.1 RFC5682-2.1-3
        // Step 2b. The ACKs of new payload will tell whether what is marked lost really is.
        if self.flight.frto == Frto::NewPayload {
            let output = self.poll_new(engine, now);
            if output.is_some() || self.snd.max != self.snd.recover {
                return output;
            }
            self.flight.frto = Frto::Off;
        }
        self.poll_lost(engine, now)
    }

    fn poll_lost(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        let (start, end) = self.next_again()?;
        let goes_on = self.flight.board.goes_on_at(start, now);
        self.flight.board.on_retransmitted(start, end, now, engine.config.sent_records_max);
        let waits_for_reordered = self.timers.retransmits_for() == Some(RetransmitTimer::Reorder);
        if start == self.snd.una && !waits_for_reordered {
            self.arm_retransmit(engine, now);
        }
        let mut output = self.payload_again(engine, now, start, end);
        if self.flight.board.goes_on_at(end, now)
            && self.next_again().is_none_or(|(next, _)| next != end)
        {
            self.flight.board.end_piece(end);
        }
        let ends_piece = goes_on && !self.flight.board.goes_on_at(end, now);
        if ends_piece && output.segment.payload_len > 0 {
            output.segment.flags |= Flags::PSH;
        }
        Some(output)
    }

    /// What is to be sent again next, if anything may be.
    //= rfc6675#5 RFC6675-5-2
    //= rfc8985#9.3 RFC8985-9.3-1
    fn next_again(&self) -> Option<(SeqNum, SeqNum)> {
        let (room, tx_max, end) = (self.payload_room(), self.snd.tx_max, self.snd.end());
        let flight = &*self.flight;
        let (start, end) = flight.board.next_lost(|start| {
            let full = start + room;
            let limit = flight.record_ends.after(start).map_or(full, |record| full.earlier(record));
            if limit.at_or_after(tx_max) { end } else { limit }
        })?;
        let is_oldest = start == self.snd.una;
        // Nothing that the peer had never room for, though it counts as sent: an owner may have died who had.
        let end = if is_oldest { end.earlier(self.snd.rightmost_edge()) } else { end };
        if !end.after(start) {
            return None;
        }
        if !is_oldest && self.pipe() + end.since(start) > self.snd.cc.cwnd() {
            return None;
        }
        //= rfc9293#3.8.6 SHLD-16 MAY-7
        if !is_oldest && end.after(self.snd.edge()) {
            return None;
        }
        Some((start, end))
    }

    /// `start..end` once more.
    pub(crate) fn payload_again(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        start: SeqNum,
        end: SeqNum,
    ) -> Output {
        engine.counters.retransmits += 1;
        self.forget_mtu_probe();
        self.flight.prr.on_sent(end.since(start));
        self.snd.cc.on_sent(now, end.since(start), self.snd.flight());
        let segments = end.since(start).div_ceil(self.payload_max()) as u16;
        if let Some(undo) = &mut self.flight.undo {
            undo.on_retransmitted(now, segments);
        }
        let output = self.payload(engine, now, start, end);
        engine.counters.retransmitted_bytes += u64::from(output.segment.payload_len);
        output
    }

    fn poll_new(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if let Some(probe) = self.next_mtu_probe(engine, now) {
            self.on_mtu_probe_sent(engine, probe);
            let output = self.send_new(engine, now, probe.end);
            self.arm_after_sending(engine, now);
            return Some(output);
        }
        let Some(end) = self.next_new(engine, now) else {
            self.await_window(engine, now);
            return None;
        };
        if self.timers.is_persisting() {
            self.timers.stop_persist();
            self.snd.rtt.end_backoff();
            self.snd.retransmits = 0;
        }
        let probes = self.pending.probe.take_if(|probe| *probe == Probe::Window).is_some();
        let mut output = self.send_new(engine, now, end);
        if probes && output.segment.payload_len > 0 {
            // The timer's doing, and so to be seen at once.
            output.segment.flags |= Flags::PSH;
        }
        self.arm_after_sending(engine, now);
        Some(output)
    }

    /// Everything up to `end` that was never sent.
    pub(crate) fn send_new(&mut self, engine: &mut Engine, now: Nanos, end: SeqNum) -> Output {
        self.snd.cc.on_sent(now, end.since(self.snd.max), self.snd.flight());
        let start = core::mem::replace(&mut self.snd.max, end);
        self.flight.take_from(&mut engine.flights);
        self.flight.board.on_sent(start, end, now, engine.config.sent_records_max);
        self.flight.prr.on_sent(end.since(start));
        self.snd.last_sent = now;
        self.rcv.ack.rhythm.on_payload_sent(now);
        let more = self.next_new(engine, now).is_some();
        let place = self.place_in_piece(engine, more);
        if place == Piece::GoesOn {
            self.flight.board.last_goes_on();
        }
        let mut output = self.payload(engine, now, start, end);
        if place == Piece::Ends && output.segment.payload_len > 0 {
            output.segment.flags |= Flags::PSH;
        }
        self.mark_new_payload(&mut output);
        engine.counters.tx_bytes += u64::from(output.segment.payload_len);
        output
    }

    /// Where the segment that goes out now is in a piece, if `more` follow it at once.
    pub(crate) fn place_in_piece(&mut self, engine: &Engine, more: bool) -> Piece {
        if !self.snd.writes.is_train(more) {
            return Piece::Alone;
        }
        let piece = self.piece(engine.config.piece_segments_min);
        self.snd.writes.next_of_piece(more, piece)
    }

    /// Where the next segment that was never sent ends, if one may go out now.
    pub(crate) fn next_new(&mut self, engine: &Engine, now: Nanos) -> Option<SeqNum> {
        if !self.has_unsent() {
            return None;
        }
        let unsent = self.snd.tx_max.since(self.snd.max);
        //= rfc9293#3.8.6 SHLD-15
        //= rfc7323#2.4 RFC7323-2.4-2
        //= rfc9293#3.9.1.2 SHLD-28
        let usable = self.snd.edge().later(self.snd.max).since(self.snd.max);
        let room = self.payload_room();
        let record = self.flight.record_ends.after(self.snd.max);
        let record = record.map_or(u32::MAX, |end| end.since(self.snd.max));
        let len = unsent.min(room).min(usable).min(record);
        let with_fin = self.may_send_fin() && len == unsent && len < usable;
        let seq_len = len + u32::from(with_fin);
        let worth = with_fin
            || len > 0
                && (len == record && len < unsent || self.is_worth_sending(len, unsent, room));
        if !worth {
            return None;
        }
        let idle = self.snd.flight() == 0;
        if idle {
            self.restart_after_idle(engine, now);
        }
        //= rfc6675#5 RFC6675-5-6
        if !idle && self.pipe() + len > self.snd.cc.cwnd() {
            return None;
        }
        Some(self.snd.max + seq_len)
    }

    /// What comes next is the first in a while.
    ///
    /// A sender that uses less than its window, but whose ACKs keep coming, keeps it (RFC 7661 4.3): ACKs of a
    /// window that is not used do not raise it (`Congestion::is_used`), and nothing lowers it, as in Linux, where
    /// each ACK of payload puts off what RFC 2861 would take away.
    ///
    //= rfc5681#4.1 RFC5681-4.1-1
    pub(crate) fn restart_after_idle(&mut self, engine: &Engine, now: Nanos) {
        let silence = now - self.snd.last_sent;
        self.snd.cc.on_transmit_start(now, silence);
        if silence <= engine.config.rto_least() || !engine.config.slow_start_after_idle {
            return;
        }
        // How far probes of a closed window have backed off says nothing about the path.
        let rto = match self.timers.is_persisting() {
            true => self.snd.rtt.rto(&engine.config),
            false => self.snd.rtt.timeout(&engine.config),
        };
        if silence > rto {
            let at = self.situation(now);
            let segments = engine.config.initial_window_segments;
            self.snd.cc.on_idle(&at, silence, rto, segments);
        }
    }

    /// Whether there is payload, or a FIN, that was never sent and may be.
    pub(crate) fn has_unsent(&self) -> bool {
        let end = if self.may_send_fin() { self.snd.end() } else { self.snd.tx_max };
        !self.switches.tx_quiesce && self.snd.max.before(end)
    }

    /// Whether a FIN is to follow the payload.
    ///
    /// The one that closes second carries the ACK of the first, or the peer, which acknowledges it and
    /// is then forgotten, could never learn that its own arrived. So it waits for the commit rule.
    fn may_send_fin(&self) -> bool {
        let closes_second = self.state == State::LastAck;
        self.snd.fin_posted && !(closes_second && self.rcv.fin == Fin::Undelivered)
    }

    /// Whether `len` bytes of `unsent` make a segment, or had better wait for more.
    ///
    //= rfc9293#3.7.4 SHLD-7 MUST-17
    //= rfc9293#3.8.6.2.1 MUST-38
    //= rfc9293#3.9.1.2 MAY-16
    fn is_worth_sending(&self, len: u32, unsent: u32, room: u32) -> bool {
        let urgent = self.flight.snd_up.is_some_and(|up| up.after(self.snd.max));
        let lone = self.snd.flight() == 0 || !self.switches.nagle || urgent;
        // Whoever closes has nothing to add; a timer ends the wait of a corked connection with nothing in
        // flight (`await_window`), as in Linux.
        let undisturbed = lone && (!self.holds_tail() || self.snd.fin_posted);
        len == room
            || undisturbed && (len == unsent || len >= self.snd.wnd_max / 2)
            || self.pending.probe == Some(Probe::Window)
    }

    /// Whether a segment that is not full waits for more to be posted.
    pub(crate) fn holds_tail(&self) -> bool {
        (self.switches.cork || self.snd.writes.is_held())
            && !self.snd.writes.is_flushed(self.snd.max)
    }

    /// Nothing new may go out. If that is the peer's window's doing and no ACK will come of its own,
    /// a timer must ask for one.
    ///
    //= rfc9293#3.8.6.1 MUST-36 SHLD-29
    fn await_window(&mut self, engine: &Engine, now: Nanos) {
        if self.has_unsent() && self.snd.flight() == 0 {
            self.timers.persist_at_most(now + self.persist_wait(&engine.config));
        } else {
            self.timers.stop_persist();
        }
    }

    /// How long the peer's window, or the way out, is waited for at most.
    pub(crate) fn persist_wait(&self, config: &Config) -> Nanos {
        let rto = self.snd.rtt.timeout(config);
        //= rfc9293#3.8.6.2.1
        //= rfc9293#3.9.1.2 MUST-60
        // A window that is open, but too little for a segment worth its header, has a deadline too.
        match self.snd.wnd {
            0 => rto,
            _ => rto.clamp(SWS_OVERRIDE_MIN, SWS_OVERRIDE_MAX),
        }
    }

    /// A segment that lies before what the peer expects, and so makes it answer.
    ///
    /// It carries no byte: one beyond the peer's window is what RFC 9293 3.8.6.1 suggests, but a
    /// connection that may change its owner must never have sent beyond the right edge.
    //= rfc9293#3.8.6.1 MUST-36
    //= rfc9293#3.8.4 SHLD-12
    fn poll_probe(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        match self.pending.probe.take()? {
            Probe::Window => engine.counters.window_probes += 1,
            Probe::Keepalive => engine.counters.keepalive_probes += 1,
            // Sent with payload, or not at all.
            Probe::Tail => return None,
        }
        Some(self.build(engine, now, self.snd.una - 1, Flags::ACK, 0))
    }

    /// A segment without payload. Its sequence number is one that the peer accepts even when it took
    /// part of its window back.
    pub(crate) fn ack(&mut self, engine: &mut Engine, now: Nanos) -> Output {
        engine.counters.tx_acks += 1;
        let seq = self.snd.max.earlier(self.snd.edge());
        self.build(engine, now, seq, Flags::ACK, 0)
    }

    /// The segment of `start..end`, which may end with the FIN.
    fn payload(&mut self, engine: &mut Engine, now: Nanos, start: SeqNum, end: SeqNum) -> Output {
        let mut flags = Flags::ACK;
        if end.after(self.snd.tx_max) {
            flags |= Flags::FIN;
        }
        let len = end.earlier(self.snd.tx_max).since(start);
        //= rfc9293#3.9.1.2 MUST-61 SHLD-27
        if len > 0 && self.pushes(start, end) {
            flags |= Flags::PSH;
        }
        let offset = start.since(self.snd.una);
        Output { offset, ..self.build(engine, now, start, flags, len) }
    }

    /// A segment without window and options.
    fn bare(&self, engine: &mut Engine, flags: Flags, seq: SeqNum) -> Output {
        engine.counters.tx_segments += 1;
        let (src_port, dst_port) = (self.local_port, self.remote_port);
        let segment = Segment { src_port, dst_port, seq, flags, ..Segment::default() };
        Output { segment, offset: 0, follows: Follows::Unknown }
    }

    fn build(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        seq: SeqNum,
        flags: Flags,
        payload_len: u32,
    ) -> Output {
        let mut output = self.bare(engine, flags, seq);
        self.put_options(engine, now, &mut output.segment);
        output.segment.payload_len = payload_len;
        //= rfc7323#2.2 RFC7323-2.2-2
        // The window of a SYN is never scaled.
        let shift = if flags.contains(Flags::SYN) { 0 } else { self.rcv_shift() };
        let (window, told) = self.rcv.offer(shift);
        if !flags.contains(Flags::RST) {
            output.segment.window = window;
        }
        if let Some(up) = self.flight.snd_up.filter(|up| up.after(self.snd.una))
            && up.after(seq)
            && !flags.intersects(Flags::SYN | Flags::RST)
        {
            //= rfc6093#4 RFC6093-4-1
            //= rfc9293#3.8.5 MUST-62
            // The pointer is to the byte behind the urgent ones; what it cannot reach yet, a later
            // segment's will.
            output.segment.flags |= Flags::URG;
            output.segment.urgent = up.since(seq).min(u32::from(u16::MAX)) as u16;
        }
        if flags.contains(Flags::ACK) {
            output.segment.ack = self.rcv.ack_no();
            self.rcv.adv = self.rcv.adv.later(told);
            self.on_ack_sent();
        }
        self.mark(&mut output.segment);
        output
    }

    /// What was in order and delivered is acknowledged; what is not, is still owed.
    pub(crate) fn on_ack_sent(&mut self) {
        if self.rcv.ack_no() != self.rcv.last_ack_sent {
            self.rcv.ack.rhythm.on_ack_sent();
        }
        self.rcv.last_ack_sent = self.rcv.ack_no();
        //= rfc2883#4 RFC2883-4-3
        if let Some(flight) = self.flight.present() {
            flight.duplicate = None;
        }
        self.pending.window_update = false;
        self.rcv.ack.owed = false;
        if self.rcv.last_ack_sent == self.rcv.nxt {
            self.rcv.ack.now = false;
            self.rcv.ack.segments = 0;
            self.timers.delayed_ack.stop();
        }
    }

    //= rfc7323#3.2 RFC7323-3.2-2 RFC7323-3.2-3
    //= rfc2018#2 RFC2018-2-1
    //= rfc2018#3 RFC2018-3-2
    //= rfc2018#4 RFC2018-4-1
    fn put_options(&self, engine: &Engine, now: Nanos, segment: &mut Segment) {
        let Segment { flags, options, .. } = segment;
        if let Some(state) = &self.timestamps {
            let val = state.at(&engine.config, now);
            let ecr = state.recent.map_or(0, |recent| recent.val);
            options.timestamps = Some(Timestamps { val, ecr });
        }
        if flags.contains(Flags::SYN) {
            //= rfc9293#3.7.1 MUST-14 SHLD-5 MAY-3
            //= rfc9293#3.2 MUST-65
            options.mss = Some(self.rcv.mss);
            options.window_scale = self.window_scale.map(|scale| scale.rcv);
            options.sack_permitted = self.sack;
        } else if self.reports() && !flags.contains(Flags::RST) {
            options.sack = self.sack_blocks();
        }
    }

    /// Whether there is anything to report in SACK blocks.
    fn reports(&self) -> bool {
        self.sack && (!self.flight.held.is_empty() || self.flight.duplicate.is_some())
    }

    /// What came twice first, then what is held, the newest first.
    fn sack_blocks(&self) -> SackBlocks {
        let max = sack_blocks_max(self.timestamps.is_some());
        let Some(duplicate) = self.reportable_duplicate() else {
            return self.flight.held.sack_blocks(max);
        };
        //= rfc2883#4 RFC2883-4-1 RFC2883-4-2
        let mut blocks = SackBlocks::EMPTY;
        blocks.push(duplicate);
        for &block in self.flight.held.sack_blocks(max - 1).as_slice() {
            blocks.push(block);
        }
        blocks
    }

    /// A block between the ACK and `rcv_nxt` would say that bytes are safe which are not delivered yet.
    fn reportable_duplicate(&self) -> Option<SackBlock> {
        let (ack, nxt) = (self.rcv.ack_no(), self.rcv.nxt);
        let known = |block: &SackBlock| block.end.at_or_before(ack) || block.start.at_or_after(nxt);
        self.flight.duplicate.filter(known).filter(|_| self.sack)
    }

    /// Payload bytes that fit into a segment with the options that it would carry now.
    //= rfc9293#3.7.1 MUST-16
    pub(crate) fn payload_room(&self) -> u32 {
        if !self.reports() {
            return self.payload_max().max(1);
        }
        let held = self.flight.held.ranges().len();
        let reported = held + usize::from(self.reportable_duplicate().is_some());
        let blocks = reported.min(sack_blocks_max(self.timestamps.is_some()));
        self.payload_max().saturating_sub(sack_len(blocks) as u32).max(1)
    }
}
