//! The short way of a connection that nothing disturbs: payload in order, nothing lost, nothing owed.
//!
//! What is done here is what the full engine would do, for the case that most segments are; whatever is not that
//! case is left as it was, for the full engine to decide. In this crate's own tests both do it and are compared.

use mafo_mem::Nanos;

use crate::tcb::Due;
use crate::writes::Piece;
use crate::{
    Connection, Engine, Flags, Follows, Options, Output, Segment, SeqNum, State, Timestamps,
};

impl Connection {
    /// Whether [`Connection::poll_output`] would find nothing to send. If so, what goes with that is done, and it
    /// need not be called.
    pub fn is_quiet(&mut self, engine: &mut Engine, now: Nanos) -> bool {
        self.is_undisturbed() && self.rests(engine, now)
    }

    /// The same, and nothing is done.
    #[must_use]
    pub fn seems_quiet(&self) -> bool {
        self.is_undisturbed() && self.has_nothing_due()
    }

    /// Whether an undisturbed connection has sent and acknowledged all that it could.
    fn has_nothing_due(&self) -> bool {
        !self.snd.max.before(self.snd.tx_max) && !self.owes_ack()
    }

    /// The same of a connection that is undisturbed.
    pub(crate) fn rests(&mut self, engine: &mut Engine, now: Nanos) -> bool {
        let rests = self.has_nothing_due();
        if rests {
            self.note_window_use(now);
            self.give_back_flight(&mut engine.flights, now);
        }
        rests
    }

    /// Whether payload that was never sent, and ACKs that are due, are all that could be sent.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.state == State::Established
            && !self.snd.fin_posted
            && !self.switches.tx_quiesce
            && self.pending == Due::default()
            && self.rcv.ack.immediate == 0
            && self.rare.is_none()
            && self.flight.is_undisturbed()
            && !self.timers.is_persisting()
            && !self.snd.cc.paces()
    }

    /// The next segment of payload, if one may go out now, of a connection that is undisturbed. `None`, and nothing
    /// done, where the full engine has to decide.
    pub(crate) fn poll_straight(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        let start = self.snd.max;
        let len = self.straight_len()?;
        if self.snd.flight() == 0 {
            self.restart_after_idle(engine, now);
        }
        let mut output = self.send_straight(engine, now, start + len);
        self.arm_after_sending(engine, now);
        if self.has_said_all(now) {
            output.follows = Follows::Nothing;
        }
        Some(output)
    }

    /// Makes of `output`, which came from here last, the segment after it: as long, with the same header but for
    /// sequence number and PSH. `false`, and nothing is done, unless there is one like that, or when time has gone on or
    /// something has come in: what follows then says [`Connection::poll_output`]. No other call may come between the two.
    pub fn poll_alike(&mut self, engine: &mut Engine, now: Nanos, output: &mut Output) -> bool {
        let Follows::Alike(piece) = output.follows else { return false };
        let Segment { seq, ack, payload_len: len, .. } = output.segment;
        let start = self.snd.max;
        let is_untouched = (start, self.snd.last_sent) == (seq + len, now)
            && (self.snd.una + output.offset, self.rcv.ack_no()) == (seq, ack);
        if !is_untouched || self.straight_len() != Some(len) {
            return false;
        }
        #[cfg(test)]
        let twin = (self.clone(), engine.clone());
        let (flags, more) = self.put_straight(engine, now, start + len, Some(piece));
        if self.flight.board.segments() <= 2 {
            // The answer to one alone may be delayed; more are all alike.
            self.arm_after_sending(engine, now);
        }
        output.segment.seq = start;
        output.segment.flags = flags;
        output.offset += len;
        output.follows = match (self.has_said_all(now), more) {
            (true, _) => Follows::Nothing,
            (false, true) => Follows::Alike(piece),
            (false, false) => Follows::Unknown,
        };
        #[cfg(test)]
        self.agrees_with(twin, engine, now, Some(Some(*output)));
        true
    }

    /// Whether a segment that was sent straight was the last for now. It has acknowledged what was owed, and keeps its
    /// flight: what `rests` would do, less the looks.
    fn has_said_all(&mut self, now: Nanos) -> bool {
        let all = !self.snd.max.before(self.snd.tx_max);
        if all {
            self.note_window_use(now);
        }
        all
    }

    /// Bytes of the next segment of payload, if there is one that may go out now without further thought.
    #[inline]
    fn straight_len(&self) -> Option<u32> {
        let start = self.snd.max;
        if !start.before(self.snd.tx_max) {
            return None;
        }
        let unsent = self.snd.tx_max.since(start);
        let usable = self.snd.edge().later(start).since(start);
        let (room, in_flight) = (self.payload_max().max(1), self.snd.flight());
        let len = unsent.min(room).min(usable);
        let may_be_short = || (in_flight == 0 || !self.switches.nagle) && !self.holds_tail();
        let is_worth = len > 0 && (len == room || len == unsent && may_be_short());
        let fits = || in_flight == 0 || self.pipe() + len <= self.snd.cc.cwnd();
        (is_worth && fits()).then_some(len)
    }

    /// Payload up to `end` is under way from now on: its flags, and whether more follows at once, in pieces of up to
    /// `piece` segments where that is known.
    #[inline(always)]
    fn put_straight(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        end: SeqNum,
        piece: Option<u8>,
    ) -> (Flags, bool) {
        let start = core::mem::replace(&mut self.snd.max, end);
        let len = end.since(start);
        self.flight.take_from(&mut engine.flights);
        let flight = &mut *self.flight;
        flight.board.on_sent(start, end, now, engine.config.sent_records_max);
        flight.prr.on_sent(len);
        self.snd.last_sent = now;
        self.rcv.ack.rhythm.on_payload_sent(now);
        let more = self.snd.max.before(self.snd.tx_max)
            && (self.straight_len().is_some() || self.next_new(engine, now).is_some());
        let place = match piece {
            Some(piece) if self.snd.writes.is_train(more) => {
                self.snd.writes.next_of_piece(more, piece)
            }
            Some(_) => Piece::Alone,
            None => self.place_in_piece(engine, more),
        };
        if place == Piece::GoesOn {
            self.flight.board.last_goes_on();
        }
        engine.counters.tx_segments += 1;
        engine.counters.tx_bytes += u64::from(len);
        let pushes = place == Piece::Ends || self.snd.writes.pushes(start, end);
        (if pushes { Flags::ACK | Flags::PSH } else { Flags::ACK }, more)
    }

    /// As [`Connection::send_new`].
    fn send_straight(&mut self, engine: &mut Engine, now: Nanos, end: SeqNum) -> Output {
        let start = self.snd.max;
        let len = end.since(start);
        let (flags, more) = self.put_straight(engine, now, end, None);
        let (window, told) = self.rcv.offer(self.rcv_shift());
        let mut output = Output {
            segment: Segment {
                src_port: self.local_port,
                dst_port: self.remote_port,
                seq: start,
                ack: self.rcv.ack_no(),
                flags,
                window,
                payload_len: len,
                options: self.straight_options(engine, now),
                ..Segment::default()
            },
            offset: start.since(self.snd.una),
            follows: Follows::Unknown,
        };
        self.rcv.adv = self.rcv.adv.later(told);
        self.on_ack_sent();
        if self.ecn.sends || self.ecn.echoes {
            self.mark(&mut output.segment);
            self.mark_new_payload(&mut output);
        } else if more
            && len == self.payload_max()
            // What has just been told may let the window be told otherwise.
            && self.rcv.offer(self.rcv_shift()) == (window, told)
        {
            output.follows = Follows::Alike(self.piece(engine.config.piece_segments_min));
        }
        output
    }

    fn straight_options(&self, engine: &Engine, now: Nanos) -> Options {
        let timestamps = self.timestamps.as_ref().map(|state| {
            let val = state.at(&engine.config, now);
            let ecr = state.recent.map_or(0, |recent| recent.val);
            Timestamps { val, ecr }
        });
        Options { timestamps, ..Options::default() }
    }
}

#[cfg(test)]
impl Connection {
    /// Panics unless `self` and `engine`, which have been the short way, stand where the full engine would have got from
    /// where `twin` stands. `decided`: what came of it, if it was taken.
    pub(crate) fn agrees_with(
        &self,
        twin: (Self, Engine),
        engine: &Engine,
        now: Nanos,
        decided: Option<Option<Output>>,
    ) {
        let (mut conn, mut full) = twin;
        if let Some(output) = decided {
            let mut expected = conn.poll_any(&mut full, now);
            let follows = output.map_or(Follows::Unknown, |output| output.follows);
            if follows == Follows::Nothing {
                assert_eq!(conn.poll_any(&mut full, now), None, "nothing follows");
            }
            if let Some(expected) = &mut expected {
                // The full engine does not say.
                expected.follows = follows;
            }
            assert_eq!(output, expected);
        }
        assert_eq!(self.checkpoint(now), conn.checkpoint(now));
        if self.flight.board.segments() < 8 {
            // What does not travel has to agree as well; to spell out long flights takes long.
            assert_eq!(format!("{self:?}"), format!("{conn:?}"));
        }
        assert_eq!(engine.counters, full.counters);
    }

    /// Sends what may follow `output` alike, if it has just been made, on a copy: each time the full engine agrees. A few are
    /// enough, since each of them is tried again when it is the first.
    pub(crate) fn tries_alike(&self, engine: &Engine, now: Nanos, output: Option<Output>) {
        let Some(mut output) = output else { return };
        let (mut conn, mut engine) = (self.clone(), engine.clone());
        (0..3).any(|_| !conn.poll_alike(&mut engine, now, &mut output));
    }
}
