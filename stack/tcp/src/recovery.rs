//! ACKs, and what is to be sent again: RACK (RFC 8985), without SACK NewReno (RFC 6582), and the
//! retransmission timer (RFC 6298).
//!
//! All three mark records of the scoreboard as lost; output sends lost records again, oldest first, as
//! `cwnd` less what is in the network allows (RFC 6675 `pipe`). The oldest byte missing goes out at once.
//! During fast recovery `cwnd` comes down by proportional rate reduction (RFC 9937).
//!
//! RFC 6675's own rule for what is lost is not used: RACK finds the same after three duplicates, and
//! tolerates a path that reorders. RFC 8985 section 4 has it take the place of that rule.

use mafo_mem::Nanos;

use crate::cc::{AckSample, Situation};
use crate::loss::Undo;
use crate::prr::Prr;
use crate::rack::Delivery;
use crate::scoreboard::{DUP_THRESH, Overtaken, Reported};
use crate::tail_probe::Tail;
use crate::tcb::is_older;
use crate::timers::RetransmitTimer;
use crate::{
    Connection, Engine, Events, Flags, Frto, GaveUp, Probe, Recovery, SackBlock, Segment, SeqNum,
    State,
};

/// Flights of fewer segments, sent or to be sent, restart the timer from their oldest (RFC 7765 4).
const RTO_RESTART_SEGMENTS: u32 = 4;

/// What an ACK says.
pub(crate) struct Ack {
    /// Sequence numbers by which `snd_una` moved.
    pub(crate) advanced: u32,
    /// What it newly reports, by its number and by its SACK blocks.
    reported: Reported,
    /// Bytes that have arrived, as far as is known.
    pub(crate) delivered: u32,
    /// Round-trip time, if it gave a sample.
    rtt: Option<Nanos>,
    /// It acknowledges nothing, but says that something else arrived.
    duplicate: bool,
    /// Its timestamp answers a transmission older than the first repair: what was repaired was late.
    echoes_original: bool,
}

impl Connection {
    /// Takes the ACK field, SACK blocks and echoed timestamp of an acceptable segment. Answers how many
    /// payload bytes are newly acknowledged.
    pub(crate) fn on_ack(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment) -> u32 {
        if self.says_nothing_of_ours(segment) {
            return 0;
        }
        self.flight.take_from(&mut engine.flights);
        let dsack = self.take_duplicate_report(engine, segment);
        let sacked = self.take_sack_blocks(engine, segment, dsack.is_some());
        let ack = self.take_ack_field(engine, now, segment, sacked);
        let again = ack.reported.latest_again;
        let again = again.filter(|again| self.may_answer(engine, segment, again.sent_at));
        let mss = self.payload_max();
        let deliveries = &mut self.flight.deliveries;
        self.snd.rack.on_delivered(deliveries, now, &ack.reported, again, mss);
        self.flight.deliveries.on_una(self.snd.una);
        self.on_ack_of_tail_probe(engine, now, segment, ack.advanced > 0, dsack);
        if ack.duplicate {
            engine.counters.rx_dup_acks += 1;
        }
        let before = self.snd.recovery;
        match before {
            Recovery::Open => self.on_ack_in_open(engine, now, &ack),
            Recovery::Fast => self.on_ack_in_fast(engine, now, &ack),
            Recovery::Loss => self.on_ack_in_loss(engine, now, &ack),
        }
        let lost = self.detect_loss(engine, now, ack.delivered);
        let echoes = segment.flags.contains(Flags::ECE);
        let reducing = self.take_echo(engine, now, echoes, &ack);
        self.tell_congestion_control(now, &ack, before, reducing, lost.lost);
        self.reduce_proportionally(ack.delivered, ack.advanced > 0 && lost.lost == 0);
        self.set_timer(engine, now, ack.advanced > 0, lost.until);
        // The FIN has a sequence number, and is no payload.
        ack.advanced - u32::from(ack.advanced > 0 && self.snd.fin_acked())
    }

    /// Whether nothing is in flight that the segment could tell of, nor was before.
    fn says_nothing_of_ours(&self, segment: &Segment) -> bool {
        self.snd.una == self.snd.max
            && self.snd.recovery == Recovery::Open
            && self.snd.tail == Tail::Clear
            && segment.options.sack.is_empty()
            && self.flight.reducing_until.is_none()
            && !self.flight.deliveries.is_in_dsack_round()
            // DCTCP counts windows also when they are empty.
            && self.ce_echo().is_none()
    }

    /// As [`Connection::on_ack`], for a segment that has passed [`Connection::predicts`], if the ACK can mean
    /// nothing but that what was sent has arrived: each segment was sent once, in order, and no episode needs
    /// to be told of it. Else nothing is done.
    pub(crate) fn on_plain_ack(
        &mut self,
        engine: &Engine,
        now: Nanos,
        segment: &Segment,
    ) -> Option<u32> {
        if self.says_nothing_of_ours(segment) {
            return Some(0);
        }
        let plain = self.snd.tail == Tail::Clear
            && self.rare.is_none()
            && self.timers.retransmits_for() != Some(RetransmitTimer::Reorder);
        let una = self.snd.una;
        let flight = self.flight.present().filter(|flight| plain && flight.is_plain(una))?;
        let advanced = segment.ack.since(self.snd.una);
        if advanced == 0 {
            flight.deliveries.on_una(una);
            return Some(0);
        }
        let acked = flight.board.on_acked_in_order(segment.ack)?;
        flight.record_ends.forget(segment.ack);
        flight.push_ends.forget(segment.ack);
        self.snd.rack.on_delivered_in_order(&mut flight.deliveries, now, &acked);
        flight.deliveries.on_una(segment.ack);
        self.snd.una = segment.ack;
        self.snd.retransmits = 0;
        let rtt = now - acked.sent_at;
        self.take_rtt(now, rtt);
        let sample = AckSample {
            at: self.situation(now),
            counts: true,
            delivered: advanced,
            lost: 0,
            rtt: Some(rtt),
            sent_at: Some(acked.latest.sent_at),
            recovery: Recovery::Open,
        };
        self.snd.cc.on_ack(&sample, &self.flight.used);
        self.set_timer(engine, now, true, None);
        Some(advanced)
    }

    /// Everything that the ACK changed is changed; before it, recovery stood at `before`. The ACKs that
    /// begin and end fast recovery belong to it; a window that is `reducing` for an echo is shaped alike.
    fn tell_congestion_control(
        &mut self,
        now: Nanos,
        ack: &Ack,
        before: Recovery,
        reducing: bool,
        lost: u32,
    ) {
        if ack.delivered == 0 {
            return;
        }
        let Reported { latest_original, latest_again, .. } = ack.reported;
        let latest = Delivery::latest(latest_original, latest_again);
        let shaped = before == Recovery::Fast || reducing;
        let sample = AckSample {
            at: self.situation(now),
            counts: ack.advanced > 0 || self.snd.rack.has_seen_far_reordering(),
            delivered: ack.delivered,
            lost,
            rtt: ack.rtt,
            sent_at: latest.map(|delivery| delivery.sent_at),
            recovery: if shaped { Recovery::Fast } else { self.snd.recovery },
        };
        self.snd.cc.on_ack(&sample, &self.flight.used);
    }

    /// Bytes thought to be in the network.
    ///
    //= rfc6675#4 RFC6675-4-1
    pub(crate) fn pipe(&self) -> u32 {
        let left = self.flight.board.left_network() + self.flight.dup_bytes;
        self.snd.flight().saturating_sub(left)
    }

    pub(crate) fn situation(&self, now: Nanos) -> Situation {
        Situation {
            now,
            mss: self.payload_max(),
            una: self.snd.una,
            max: self.snd.max,
            flight: self.snd.flight(),
            pipe: self.pipe(),
            srtt: self.snd.rtt.srtt(),
        }
    }

    /// Moves `snd_una`, takes an RTT sample, and says what it all means.
    //= rfc6298#3 RFC6298-3-1 RFC6298-3-2
    //= rfc1122#4.2.3.5 RFC1122-4.2.3.5-1
    fn take_ack_field(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        sacked: Reported,
    ) -> Ack {
        let advanced = match segment.ack.after(self.snd.una) {
            true => segment.ack.since(self.snd.una),
            false => 0,
        };
        let first_again = self.flight.undo.and_then(|undo| undo.first_at);
        let echoes_original = first_again.is_some_and(|at| !self.may_answer(engine, segment, at));
        let mut reported = sacked;
        let mut rtt = sacked.rtt(now);
        //= rfc7323#4.1 RFC7323-4.1-1
        // Only an ACK that moves the left edge has an echo worth looking at.
        if advanced > 0 {
            let flight = &mut *self.flight;
            flight.record_ends.forget(segment.ack);
            flight.push_ends.forget(segment.ack);
            let acked = flight.board.on_acked(segment.ack);
            self.snd.una = segment.ack;
            self.snd.retransmits = 0;
            let echoed = |sent_at: Nanos| self.echoed_rtt(engine, now, segment, sent_at);
            rtt = acked.rtt(now).or(rtt).or_else(|| acked.sent_again_at.and_then(echoed));
            reported.merge(acked);
        }
        if let Some(rtt) = rtt {
            self.take_rtt(now, rtt);
        }
        let duplicate =
            advanced == 0 && segment.ack == self.snd.una && self.is_duplicate(segment, sacked);
        let delivered = if self.sack {
            reported.bytes
        } else if duplicate {
            self.payload_max()
        } else {
            // Those that duplicate ACKs stood for are counted already.
            let counted = self.flight.dup_bytes.min(advanced.saturating_sub(self.payload_max()));
            advanced - counted
        };
        Ack { advanced, reported, delivered, rtt, duplicate, echoes_original }
    }

    pub(crate) fn take_rtt(&mut self, now: Nanos, rtt: Nanos) {
        self.snd.rtt.sample(rtt);
        self.snd.rack.sample(now, rtt);
    }

    /// Whether the segment may answer a transmission made at `at`: its echo, if there is one, is not
    /// older.
    //= rfc3522#3.2 RFC3522-3.2-1
    fn may_answer(&self, engine: &Engine, segment: &Segment, at: Nanos) -> bool {
        match (self.timestamps, segment.options.timestamps) {
            (Some(state), Some(ts)) => {
                let val = state.at(&engine.config, at);
                !is_older(ts.ecr, val)
            }
            _ => true,
        }
    }

    /// The RTT of what was sent again at `sent_at`, if the peer echoes that transmission's timestamp and
    /// this instance made it.
    ///
    /// An older echo may have waited here for the retransmission that asked for it anew, when the first
    /// ACK was lost; taken for a sample it would raise the timeout, and so the next such wait.
    pub(crate) fn echoed_rtt(
        &self,
        engine: &Engine,
        now: Nanos,
        segment: &Segment,
        sent_at: Nanos,
    ) -> Option<Nanos> {
        let (state, ts) = (self.timestamps?, segment.options.timestamps?);
        let clock = engine.config.ts_clock;
        let val = |at| SeqNum(clock.ticks(at).wrapping_add(state.offset));
        let ecr = SeqNum(ts.ecr);
        let fresh = ecr.at_or_after(val(sent_at)) && ecr.at_or_before(val(now));
        let ours = self.flight.echo_floor.is_none_or(|floor| ecr.at_or_after(SeqNum(floor)));
        (fresh && ours).then(|| Nanos(u64::from(val(now).since(ecr)).saturating_mul(clock.tick.0)))
    }

    fn on_ack_in_open(&mut self, engine: &mut Engine, now: Nanos, ack: &Ack) {
        if ack.duplicate {
            self.count_duplicate(engine, now);
        }
        //= rfc6675#5 RFC6675-5-7
        if ack.advanced > 0 {
            self.flight.dup_acks = 0;
            self.flight.dup_bytes = 0;
        }
        // Reports of duplicates may come when the episode is long over.
        if self.flight.undo.is_some_and(|undo| undo.all_were_needless()) {
            engine.counters.undo_dsack += 1;
            self.take_reduction_back();
        }
    }

    fn on_ack_in_fast(&mut self, engine: &mut Engine, now: Nanos, ack: &Ack) {
        if ack.duplicate {
            self.count_duplicate(engine, now);
        }
        //= rfc6675#5 RFC6675-5-8
        let repaired = self.snd.una.at_or_after(self.snd.recover);
        let needless = self.was_needless(engine, ack);
        if needless || repaired {
            self.snd.recovery = Recovery::Open;
            self.flight.dup_acks = 0;
            self.flight.dup_bytes = 0;
            if needless {
                // It came late, and not by a timeout: something overtook it.
                self.snd.rack.on_spurious();
                self.flight.board.unmark_lost();
                self.take_reduction_back();
            } else {
                //= rfc9937#6.2
                let at = self.situation(now);
                self.snd.cc.on_recovery_exit(&at);
                self.snd.rack.on_recovery_exit();
            }
            return;
        }
        //= rfc6582#3.2
        if ack.advanced > 0 && !self.sack {
            //= rfc6582#3.2 RFC6582-3.2-2 RFC6582-3.2-3
            // A partial ACK: one segment filled a hole, the others were counted as duplicates.
            let mss = self.payload_max();
            let counted = ack.advanced.saturating_sub(mss);
            self.flight.dup_bytes = self.flight.dup_bytes.saturating_sub(counted);
            self.flight.board.mark_head_lost(mss, engine.config.sent_records_max);
        }
    }

    fn on_ack_in_loss(&mut self, engine: &mut Engine, now: Nanos, ack: &Ack) {
        if self.is_timeout_spurious(engine, ack) {
            self.snd.recovery = Recovery::Open;
            self.flight.frto = Frto::Off;
            self.snd.retransmits = 0;
            self.flight.board.unmark_lost();
            self.take_reduction_back();
            return;
        }
        if ack.duplicate {
            self.count_duplicate(engine, now);
        }
        if ack.advanced == 0 {
            return;
        }
        self.flight.dup_acks = 0;
        self.flight.dup_bytes = 0;
        if self.snd.una.at_or_after(self.snd.recover) {
            self.snd.recovery = Recovery::Open;
            self.flight.frto = Frto::Off;
            self.snd.rack.on_recovery_exit();
        }
    }

    /// Whether the ACK shows that all that was sent again had arrived, or was about to. Each is asked, not the first of
    /// the episode alone: once the peer has echoed a retransmission, it echoes nothing older.
    ///
    //= rfc3522#3.2 RFC3522-3.2-2 RFC3522-3.2-3
    fn was_needless(&mut self, engine: &mut Engine, ack: &Ack) -> bool {
        let Some(undo) = self.flight.undo else { return false };
        let late = ack.echoes_original && ack.advanced > 0;
        engine.counters.undo_timestamp += u64::from(late);
        engine.counters.undo_dsack += u64::from(!late && undo.all_were_needless());
        late || undo.all_were_needless()
    }

    /// F-RTO: whether what was sent before the timeout, and not again since, has arrived.
    ///
    //= rfc5682#3.1 RFC5682-3.1-1
    fn is_timeout_spurious(&mut self, engine: &mut Engine, ack: &Ack) -> bool {
        if self.flight.frto != Frto::Off {
            let reported = &ack.reported;
            // Without SACK an ACK of both kinds may have waited for the one that was sent again.
            let told_apart = self.sack || reported.latest_again.is_none();
            let original =
                reported.lowest_original_end.is_some_and(|end| end.at_or_before(self.snd.recover));
            if original && told_apart {
                engine.counters.undo_frto += 1;
                return true;
            }
            self.step_frto(ack);
        }
        self.was_needless(engine, ack)
    }

    //= rfc5682#3.1 RFC5682-3.1-2
    //= rfc5682#2.1 RFC5682-2.1-2
    fn step_frto(&mut self, ack: &Ack) {
        let repaired = self.snd.una.at_or_after(self.snd.recover);
        if self.snd.max.after(self.snd.recover) {
            // Step 3a: new payload went out, and its answer says that something before it is missing.
            if ack.duplicate {
                self.flight.frto = Frto::Off;
            }
        } else if ack.advanced > 0 && !repaired {
            // Step 2b.
            self.snd.recover = self.snd.max;
            self.flight.frto = Frto::NewPayload;
        } else if ack.duplicate && !self.sack {
            //= rfc5682#2.1
            self.flight.frto = Frto::Off;
        }
    }

    /// The last reduction of the congestion window was for nothing.
    ///
    //= rfc4015#3 RFC4015-3-1
    fn take_reduction_back(&mut self) {
        if let Some(undo) = self.flight.undo.take() {
            self.snd.cc.undo(&undo.prior);
        }
    }

    /// Whether an ACK that acknowledges nothing says that something else arrived.
    ///
    //= rfc5681#2
    //= rfc6675#2
    fn is_duplicate(&self, segment: &Segment, sacked: Reported) -> bool {
        if self.sack {
            return sacked.bytes > 0;
        }
        self.snd.flight() > 0
            && segment.payload_len == 0
            && !segment.flags.intersects(Flags::SYN | Flags::FIN)
            && u32::from(segment.window) << self.snd_shift() == self.snd.wnd
    }

    //= rfc5681#3.2 RFC5681-3.2-3 RFC5681-3.2-5 RFC5681-3.2-6
    fn count_duplicate(&mut self, engine: &mut Engine, now: Nanos) {
        self.flight.dup_acks = self.flight.dup_acks.saturating_add(1);
        if self.sack {
            return;
        }
        let mss = self.payload_max();
        match self.snd.recovery {
            //= rfc3042#2 RFC3042-2-1 RFC3042-2-2 RFC3042-2-3
            // The first two let one new segment out each.
            Recovery::Open if self.flight.dup_acks < DUP_THRESH => self.flight.dup_bytes += mss,
            //= rfc6582#3.2
            // Duplicates of what a timeout sent again without need do not count.
            Recovery::Open if self.flight.dup_acks == DUP_THRESH => {
                //= rfc6582#3.2 RFC6582-3.2-1
                if self.snd.una.after(self.snd.recover)
                    && self.flight.board.mark_head_lost(mss, engine.config.sent_records_max)
                {
                    let before = self.snd.flight() - self.flight.dup_bytes.min(self.snd.flight());
                    self.flight.dup_bytes += mss;
                    self.enter_fast_recovery(engine, now, before);
                }
            }
            Recovery::Fast => self.flight.dup_bytes = self.flight.dup_bytes.saturating_add(mss),
            Recovery::Open | Recovery::Loss => {}
        }
        self.flight.dup_bytes = self.flight.dup_bytes.min(self.snd.flight());
    }

    /// Marks what was overtaken, and begins recovery with it.
    ///
    //= rfc8985#6.2 RFC8985-6.2-4 RFC8985-6.2-7
    /// `delivered` bytes were reported just now.
    //= rfc6675#5 RFC6675-5-1 RFC6675-5-3
    fn detect_loss(&mut self, engine: &mut Engine, now: Nanos, delivered: u32) -> Overtaken {
        if !self.sack || self.snd.flight() == 0 {
            return Overtaken::default();
        }
        let sacked = self.flight.board.sacked();
        // In order, and nothing sent again: then nothing was overtaken.
        if sacked == 0 && self.snd.recovery == Recovery::Open {
            return Overtaken::default();
        }
        let many =
            self.flight.dup_acks >= DUP_THRESH || sacked > (DUP_THRESH - 1) * self.payload_max();
        let repairing = many || self.snd.recovery != Recovery::Open;
        let Some((latest, age)) =
            self.snd.rack.judge(&self.flight.deliveries, self.srtt(), repairing)
        else {
            return Overtaken::default();
        };
        let found = self.flight.board.mark_overtaken(latest, age, now);
        if found.lost > 0 && self.snd.recovery == Recovery::Open {
            //= rfc9937#6.1 RFC9937-6.1-1
            let before = self.snd.flight() - sacked + delivered;
            self.enter_fast_recovery(engine, now, before);
        }
        found
    }

    fn srtt(&self) -> Nanos {
        self.snd.rtt.srtt().unwrap_or(Nanos::ZERO)
    }

    /// What was overtaken had its time.
    pub(crate) fn on_reorder_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        engine.counters.reorder_timeouts += 1;
        let before = self.snd.recovery;
        self.detect_loss(engine, now, 0);
        if before == Recovery::Open {
            // What overtook it was delivered just before: that begins the reduction.
            self.reduce_proportionally(self.payload_max(), false);
        }
        // What is not lost by now has the retransmission timer.
        self.set_timer(engine, now, false, None);
        if self.timers.retransmits_for().is_none() {
            self.arm_retransmit(engine, now);
        }
        Events::NONE
    }

    /// `flight` bytes were outstanding before the reports that begin it.
    fn enter_fast_recovery(&mut self, engine: &mut Engine, now: Nanos, flight: u32) {
        if self.is_mtu_probe_lost(engine) {
            return;
        }
        engine.counters.fast_recoveries += 1;
        // What an echo has reduced in this window is not reduced again, nor given back.
        let reduced = self.flight.reducing_until.take().is_some();
        let undo = (!reduced).then(|| Undo::new(self.snd.una, self.snd.cc.prior()));
        self.flight.undo = undo;
        self.flight.prr = Prr::new(flight);
        self.snd.tail = Tail::Clear;
        self.snd.recovery = Recovery::Fast;
        self.snd.recover = self.snd.max;
        if !reduced {
            let at = self.situation(now);
            self.snd.cc.on_loss(&at);
            self.ecn.on_reduced();
        }
    }

    /// A tail loss probe repaired what was lost: that is an episode of its own, begun and ended.
    pub(crate) fn on_loss_repaired_by_probe(&mut self, engine: &mut Engine, now: Nanos) {
        engine.counters.tail_probe_repairs += 1;
        if self.snd.recovery == Recovery::Open && self.flight.reducing_until.is_none() {
            let at = self.situation(now);
            self.snd.cc.on_loss(&at);
            self.snd.cc.on_recovery_exit(&at);
            self.ecn.on_reduced();
        }
    }

    //= rfc9937#6.2
    //= rfc6675#5 RFC6675-5-5
    //= rfc9937#6 RFC9937-6-1
    fn reduce_proportionally(&mut self, delivered: u32, safe: bool) {
        let shaped = self.snd.recovery == Recovery::Fast || self.flight.reducing_until.is_some();
        //= rfc9937#6.2 RFC9937-6.2-4
        if delivered == 0 || !shaped || self.snd.cc.rules_recovery() {
            return;
        }
        let (pipe, ssthresh, mss) = (self.pipe(), self.snd.cc.ssthresh(), self.payload_max());
        let cwnd = self.flight.prr.on_ack(delivered, pipe, ssthresh, mss, safe);
        self.snd.cc.set_cwnd(cwnd);
    }

    /// The first SACK block, if it reports what the peer has twice.
    ///
    //= rfc2883#4 RFC2883-4-4
    //= rfc3708#3 RFC3708-3-2
    fn take_duplicate_report(
        &mut self,
        engine: &mut Engine,
        segment: &Segment,
    ) -> Option<SackBlock> {
        let blocks = segment.options.sack.as_slice();
        let first = *blocks.first().filter(|_| self.sack)?;
        let acknowledged = first.end.at_or_before(segment.ack);
        let held = blocks.get(1).is_some_and(|second| {
            first.start.at_or_after(second.start) && first.end.at_or_before(second.end)
        });
        // Nothing older can have been under way.
        let recent = first.start.at_or_after(self.snd.una - self.snd.wnd_max)
            && first.end.at_or_before(self.snd.max);
        if !(first.end.after(first.start) && (acknowledged || held) && recent) {
            return None;
        }
        engine.counters.rx_dsacks += 1;
        self.snd.rack.on_dsack(&mut self.flight.deliveries, self.snd.max);
        let segments = first.end.since(first.start).div_ceil(self.payload_max()) as u16;
        if let Some(undo) = &mut self.flight.undo
            && first.end.after(undo.marker)
        {
            undo.on_duplicate_reported(segments);
        }
        Some(first)
    }

    /// Takes blocks that lie within what is in flight; others are old, or lies.
    //= rfc2883#5 RFC2883-5-1
    fn take_sack_blocks(
        &mut self,
        engine: &mut Engine,
        segment: &Segment,
        first_is_duplicate: bool,
    ) -> Reported {
        let mut reported = Reported::default();
        if !self.sack {
            return reported;
        }
        let una = self.snd.una.later(segment.ack);
        let (mss, max) = (self.payload_max(), engine.config.sent_records_max);
        let mut blocks = segment.options.sack;
        let blocks = &mut blocks.as_mut_slice()[usize::from(first_is_duplicate)..];
        // As they lie, so that the last one is what was sent last, if nothing was sent again.
        blocks.sort_unstable_by_key(|block| block.start.since(una));
        for &block in &*blocks {
            let valid = block.start.at_or_after(una)
                && block.end.after(block.start)
                && block.end.at_or_before(self.snd.max);
            if valid {
                reported.merge(self.flight.board.on_sacked(block, mss, max));
            } else {
                engine.counters.rx_sack_ignored += 1;
            }
        }
        reported
    }
}

/// The retransmission timer.
impl Connection {
    pub(crate) fn arm_retransmit(&mut self, engine: &Engine, now: Nanos) {
        let deadline = now + self.snd.rtt.timeout(&engine.config);
        self.timers.retransmit_is(RetransmitTimer::Timeout, deadline);
    }

    /// New payload went out.
    ///
    //= rfc6298#5.1 RFC6298-5.1-1
    pub(crate) fn arm_after_sending(&mut self, engine: &Engine, now: Nanos) {
        let rto = self.snd.rtt.timeout(&engine.config);
        let oldest = self.flight.board.oldest_sent_at().unwrap_or(now);
        if self.schedule_tail_probe(engine, now, (oldest + rto).max(now)) {
            return;
        }
        if let None | Some(RetransmitTimer::TailProbe) = self.timers.retransmits_for() {
            self.arm_retransmit(engine, now);
        }
    }

    /// An ACK came; `advanced` is whether it acknowledged something. Some of what was overtaken is lost
    /// at `overtaken`.
    fn set_timer(&mut self, engine: &Engine, now: Nanos, advanced: bool, overtaken: Option<Nanos>) {
        //= rfc6298#5.2 RFC6298-5.2-1
        if self.snd.una == self.snd.max {
            self.timers.stop_retransmit();
        } else if let Some(at) = overtaken {
            // A segment that was long under way makes RACK patient; the retransmission timer is so no longer.
            let latest = now + self.snd.rtt.timeout(&engine.config);
            let deadline = (at + engine.config.timer_slack).min(latest);
            self.timers.retransmit_is(RetransmitTimer::Reorder, deadline);
        } else if advanced || self.timers.retransmits_for() == Some(RetransmitTimer::Reorder) {
            //= rfc6298#5.3 RFC6298-5.3-1
            let at = self.restarted_timeout(engine, now);
            if !advanced || !self.schedule_tail_probe(engine, now, at) {
                self.timers.retransmit_is(RetransmitTimer::Timeout, at);
            }
        }
    }

    /// When the retransmission timer runs out that an ACK restarts.
    ///
    //= rfc7765#4 RFC7765-4-1 RFC7765-4-2
    fn restarted_timeout(&self, engine: &Engine, now: Nanos) -> Nanos {
        let rto = self.snd.rtt.timeout(&engine.config);
        let unsent = self.snd.end().since(self.snd.max).div_ceil(self.payload_max());
        let few = self.flight.board.segments() as u32 + unsent < RTO_RESTART_SEGMENTS;
        match self.flight.board.oldest_sent_at() {
            Some(at) if engine.config.rto_restart && few && at + rto > now => at + rto,
            _ => now + rto,
        }
    }

    /// The retransmission timer ran out.
    ///
    //= rfc6298#5.4 RFC6298-5.4-1
    //= rfc6298#5.5 RFC6298-5.5-1
    //= rfc6298#5.6 RFC6298-5.6-1
    pub(crate) fn on_retransmit_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        let config = &engine.config;
        let (max, timer) = match self.state {
            State::SynSent => (self.syn_retransmits_max(config), GaveUp::Open),
            //= rfc4987#3.3 RFC4987-3.3-1
            State::SynRcvd => (config.syn_ack_retransmits_max, GaveUp::Open),
            _ => (config.retransmits_max, GaveUp::Retransmit),
        };
        if let Some(events) = self.retry_held(engine, now, (max, timer)) {
            return events;
        }
        //= rfc9293#3.8.3 MUST-20 MUST-22
        if self.snd.retransmits >= max {
            return self.give_up(engine, timer);
        }
        engine.counters.timeouts += 1;
        self.snd.retransmits += 1;
        self.snd.rtt.back_off();
        self.suspect_black_hole(engine, now);
        self.arm_retransmit(engine, now);
        match self.state {
            State::SynSent | State::SynRcvd => self.pending.syn = true,
            //= rfc9293#3.8.6 MUST-34 MUST-35 SHLD-17
            // The peer took its window back. This is a probe, and says nothing about the path.
            _ if self.snd.wnd == 0 => self.flight.board.mark_lost_on_timeout(Nanos::ZERO, now),
            _ => self.enter_loss(engine, now),
        }
        self.ask_for_window();
        Events::NONE
    }

    /// Has the peer say what it has room for, if it has none for the oldest byte and never had, as far as is known: that
    /// byte is no probe then. Whether it is asked.
    //= rfc9293#3.8.6.1 MUST-36
    pub(crate) fn ask_for_window(&mut self) -> bool {
        let has_none = !self.snd.una.before(self.snd.rightmost_edge());
        let asks = has_none && self.state.is_synchronized() && self.snd.flight() > 0;
        if asks {
            self.pending.probe = Some(Probe::Window);
        }
        asks
    }

    //= rfc5681#3.1
    //= rfc6582#4 RFC6582-4-1
    //= rfc6675#5.1 RFC6675-5.1-2
    fn enter_loss(&mut self, engine: &Engine, now: Nanos) {
        let at = self.situation(now);
        //= rfc3168#6.1.2 RFC3168-6.1.2-5
        // What an echo has lowered in this window the timeout does not lower again, as in Linux: RFC 5681 asks for
        // half of what is outstanding, of which the threshold is half as it was before the echo.
        let echoed = self.flight.reducing_until.take().is_some();
        let repairing = self.snd.recovery == Recovery::Loss;
        if self.snd.recovery == Recovery::Open {
            self.snd.rack.on_timeout(self.flight.board.sacked() / self.payload_max());
            let undo = (!echoed).then(|| Undo::new(self.snd.una, self.snd.cc.prior()));
            self.flight.undo = undo;
        }
        self.snd.cc.on_timeout(&at, echoed || repairing);
        self.ecn.on_reduced();
        self.snd.recovery = Recovery::Loss;
        self.snd.recover = self.snd.max;
        self.flight.dup_acks = 0;
        self.flight.dup_bytes = 0;
        self.snd.tail = Tail::Clear;
        //= rfc5682#3.1
        //= rfc5682#2.1 RFC5682-2.1-1
        // Step 1. Not while a timeout is being repaired: new payload, of which the answers may be lost as
        // well, would cost a timeout for each segment that is missing.
        let test = engine.config.frto && !repairing;
        self.flight.frto = if test { Frto::Retransmitted } else { Frto::Off };
        let age = self.snd.rack.lost_age(self.srtt());
        self.flight.board.mark_lost_on_timeout(age, now);
    }
}
