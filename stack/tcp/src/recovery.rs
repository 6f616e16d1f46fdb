//! ACKs, and what is to be sent again: SACK-based recovery (RFC 6675), without SACK NewReno (RFC 6582),
//! and the retransmission timer (RFC 6298).
//!
//! All three mark records of the scoreboard as lost; output sends lost records again, oldest first, as
//! `cwnd` less what is in the network allows. The oldest byte missing goes out at once.

use mafo_mem::Nanos;

use crate::cc::{AckSample, Situation};
use crate::scoreboard::{DUP_THRESH, Reported};
use crate::{Connection, Engine, Events, Flags, GaveUp, Recovery, Segment, SeqNum, State};

impl Connection {
    /// Takes the ACK field, SACK blocks and echoed timestamp of an acceptable segment. Answers how many
    /// payload bytes are newly acknowledged.
    pub(crate) fn on_ack(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment) -> u32 {
        let sacked = self.take_sack_blocks(engine, segment);
        if segment.ack.after(self.snd.una) {
            return self.on_cumulative_ack(engine, now, segment, sacked);
        }
        let rtt = sacked.rtt(now);
        if let Some(rtt) = rtt {
            self.snd.rtt.sample(&engine.config, rtt);
        }
        let (before, lost) = (self.snd.recovery, self.snd.board.lost());
        if segment.ack == self.snd.una && self.is_duplicate(segment, sacked) {
            engine.counters.rx_dup_acks += 1;
            self.on_duplicate_ack(engine, now);
        }
        self.detect_loss(engine, now);
        if sacked.bytes > 0 {
            self.tell_congestion_control(now, 0, sacked.bytes, rtt, before, lost);
        }
        0
    }

    /// Everything that the ACK changed is changed; before it, recovery stood at `before` and `lost` bytes
    /// were marked. The ACKs that begin and end fast recovery belong to it.
    fn tell_congestion_control(
        &mut self,
        now: Nanos,
        acked: u32,
        delivered: u32,
        rtt: Option<Nanos>,
        before: Recovery,
        lost: u32,
    ) {
        let repairing = before == Recovery::Fast;
        let sample = AckSample {
            at: self.situation(now),
            acked,
            delivered,
            lost: self.snd.board.lost().saturating_sub(lost),
            rtt,
            sent_at: None,
            recovery: if repairing { before } else { self.snd.recovery },
        };
        self.snd.cc.on_ack(&sample);
    }

    pub(crate) fn situation(&self, now: Nanos) -> Situation {
        Situation {
            now,
            mss: self.payload_max(),
            una: self.snd.una,
            max: self.snd.max,
            flight: self.snd.flight(),
            pipe: self.snd.pipe(),
            srtt: self.snd.rtt.smoothed().map(|smoothed| smoothed.srtt),
        }
    }

    fn on_cumulative_ack(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        sacked: Reported,
    ) -> u32 {
        let ack = segment.ack;
        let bytes = ack.since(self.snd.una);
        let acked = self.snd.board.on_acked(ack);
        self.snd.una = ack;
        self.snd.retransmits = 0;
        let echoed = |sent_at: Nanos| self.echoed_rtt(engine, now, segment, sent_at);
        let rtt = acked.rtt(now).or(sacked.rtt(now));
        let rtt = rtt.or_else(|| acked.sent_again_at.and_then(echoed));
        if let Some(rtt) = rtt {
            self.snd.rtt.sample(&engine.config, rtt);
        }
        let (before, lost) = (self.snd.recovery, self.snd.board.lost());
        self.advance_recovery(engine, now, bytes);
        self.detect_loss(engine, now);
        let delivered = acked.bytes + sacked.bytes;
        self.tell_congestion_control(now, bytes, delivered, rtt, before, lost);
        //= rfc6298#5.2
        //= rfc6298#5.3
        if self.snd.una == self.snd.max {
            self.timers.retransmit.stop();
        } else {
            self.arm_retransmit(engine, now);
        }
        bytes - u32::from(self.snd.fin_acked())
    }

    /// The RTT of what was sent again at `sent_at`, if the peer echoes that transmission's timestamp and
    /// this instance made it.
    ///
    //= rfc7323#4.1
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
        let ours = state.floor.is_none_or(|floor| ecr.at_or_after(SeqNum(floor)));
        (fresh && ours).then(|| Nanos(u64::from(val(now).since(ecr)).saturating_mul(clock.tick.0)))
    }

    /// The left edge moved by `bytes`: where does that leave recovery?
    fn advance_recovery(&mut self, engine: &mut Engine, now: Nanos, bytes: u32) {
        let mss = self.payload_max();
        let repaired = self.snd.una.at_or_after(self.snd.recover);
        match self.snd.recovery {
            Recovery::Open => {}
            //= rfc6582#3.2
            Recovery::Fast if !repaired => {
                // A partial ACK: one segment filled a hole, the others were counted as duplicates.
                let counted = bytes.saturating_sub(mss);
                self.snd.dup_bytes = self.snd.dup_bytes.saturating_sub(counted);
                self.snd.board.mark_head_lost(mss, engine.config.sent_records_max);
                return;
            }
            Recovery::Fast => {
                let at = self.situation(now);
                self.snd.cc.on_recovery_exit(&at);
            }
            Recovery::Loss => {}
        }
        self.snd.dup_acks = 0;
        self.snd.dup_bytes = 0;
        if repaired {
            self.snd.recovery = Recovery::Open;
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

    fn on_duplicate_ack(&mut self, engine: &mut Engine, now: Nanos) {
        self.snd.dup_acks = self.snd.dup_acks.saturating_add(1);
        if self.sack {
            return;
        }
        let mss = self.payload_max();
        match self.snd.recovery {
            //= rfc3042#2
            // The first two let one new segment out each.
            Recovery::Open if self.snd.dup_acks < DUP_THRESH => self.snd.dup_bytes += mss,
            //= rfc6582#3.2
            // Duplicates of what a timeout sent again without need do not count.
            Recovery::Open if self.snd.dup_acks == DUP_THRESH => {
                if self.snd.una.after(self.snd.recover)
                    && self.snd.board.mark_head_lost(mss, engine.config.sent_records_max)
                {
                    self.snd.dup_bytes += mss;
                    self.enter_fast_recovery(engine, now);
                }
            }
            Recovery::Fast => self.snd.dup_bytes = self.snd.dup_bytes.saturating_add(mss),
            Recovery::Open | Recovery::Loss => {}
        }
        self.snd.dup_bytes = self.snd.dup_bytes.min(self.snd.flight());
    }

    /// Marks what SACK shows to be lost, and begins recovery with it.
    ///
    //= rfc6675#5
    fn detect_loss(&mut self, engine: &mut Engine, now: Nanos) {
        if self.snd.board.sacked() == 0 {
            return;
        }
        let (mss, max) = (self.payload_max(), engine.config.sent_records_max);
        let mut marked = self.snd.board.mark_lost(mss);
        if self.snd.dup_acks >= DUP_THRESH {
            marked |= self.snd.board.mark_head_lost(mss, max);
        }
        if marked && self.snd.recovery == Recovery::Open {
            self.enter_fast_recovery(engine, now);
        }
    }

    fn enter_fast_recovery(&mut self, engine: &mut Engine, now: Nanos) {
        engine.counters.fast_recoveries += 1;
        self.snd.recovery = Recovery::Fast;
        self.snd.recover = self.snd.max;
        let at = self.situation(now);
        self.snd.cc.on_loss(&at);
    }

    /// Takes blocks that lie within what is in flight; others are old, or lies.
    fn take_sack_blocks(&mut self, engine: &mut Engine, segment: &Segment) -> Reported {
        let mut reported = Reported::default();
        if !self.sack {
            return reported;
        }
        let una = self.snd.una.later(segment.ack);
        for &block in segment.options.sack.as_slice() {
            let valid = block.start.at_or_after(una)
                && block.end.after(block.start)
                && block.end.at_or_before(self.snd.max);
            if valid {
                reported.merge(self.snd.board.on_sacked(block, engine.config.sent_records_max));
            } else {
                engine.counters.rx_sack_ignored += 1;
            }
        }
        reported
    }

    pub(crate) fn arm_retransmit(&mut self, engine: &Engine, now: Nanos) {
        self.timers.retransmit.arm(now + self.snd.rtt.timeout(&engine.config));
    }

    /// The retransmission timer ran out.
    ///
    //= rfc6298#5.4
    //= rfc6298#5.5
    //= rfc6298#5.6
    pub(crate) fn on_retransmit_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        let config = &engine.config;
        let (max, timer) = match self.state {
            State::SynSent => (self.syn_retransmits_max(config), GaveUp::Open),
            State::SynRcvd => (config.syn_ack_retransmits_max, GaveUp::Open),
            _ => (config.retransmits_max, GaveUp::Retransmit),
        };
        if self.snd.retransmits >= max {
            return self.give_up(engine, timer);
        }
        engine.counters.timeouts += 1;
        self.snd.retransmits += 1;
        self.snd.rtt.back_off();
        self.arm_retransmit(engine, now);
        match self.state {
            State::SynSent | State::SynRcvd => self.pending.syn = true,
            // The peer took its window back. This is a probe, and says nothing about the path.
            _ if self.snd.wnd == 0 => self.snd.board.mark_all_lost(),
            _ => self.enter_loss(now),
        }
        Events::NONE
    }

    //= rfc5681#3.1
    //= rfc6582#4
    fn enter_loss(&mut self, now: Nanos) {
        let at = self.situation(now);
        let again = self.snd.recovery == Recovery::Loss;
        self.snd.cc.on_timeout(&at, again);
        self.snd.recovery = Recovery::Loss;
        self.snd.recover = self.snd.max;
        self.snd.dup_acks = 0;
        self.snd.dup_bytes = 0;
        self.snd.board.mark_all_lost();
    }
}
