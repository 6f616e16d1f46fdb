//! Tail loss probe (RFC 8985 7): when ACKs do not come, one segment asks for one, so that a loss at the
//! end of a flight is repaired by RACK in a round trip or two rather than by the timeout.

use mafo_mem::Nanos;

use crate::timers::RetransmitTimer;
use crate::{
    Connection, Engine, Events, Output, Probe, Recovery, SackBlock, Segment, SeqNum, TailProbe,
};

impl Connection {
    /// Starts the probe timer in place of the retransmission timer, if a probe would be of use.
    /// `rto_at` is when that would run out.
    ///
    //= rfc8985#7.2 RFC8985-7.2-3 RFC8985-7.2-4
    //= rfc8985#4 RFC8985-4-1
    pub(crate) fn schedule_tail_probe(
        &mut self,
        engine: &Engine,
        now: Nanos,
        rto_at: Nanos,
    ) -> bool {
        // Without SACK a probe's answer says nothing. Reports of SACK start repairs by themselves.
        let useful = engine.config.tail_loss_probe
            && self.sack
            && self.state.is_synchronized()
            && self.snd.recovery == Recovery::Open
            && self.snd.board.left_network() == 0
            && self.snd.flight() > 0
            && self.snd.loss.tail.is_none();
        if !useful {
            return false;
        }
        let at = now + self.probe_timeout(engine);
        self.timers.retransmit_is(RetransmitTimer::TailProbe, at.min(rto_at));
        true
    }

    /// PTO.
    //
    //= rfc8985#7.2 RFC8985-7.2-1 RFC8985-7.2-2
    fn probe_timeout(&self, engine: &Engine) -> Nanos {
        let Some(rtt) = self.snd.rtt.smoothed() else { return engine.config.rto_initial };
        // The ACK of a single segment may be delayed.
        let single = self.snd.board.segments() == 1;
        let wait = if single { engine.config.rto_min } else { engine.config.timer_slack };
        Nanos(rtt.srtt.0.saturating_mul(2)) + wait
    }

    pub(crate) fn on_tail_probe_timeout(&mut self, engine: &Engine, now: Nanos) -> Events {
        self.arm_retransmit(engine, now);
        self.pending.probe = Some(Probe::Tail);
        Events::NONE
    }

    /// The probe: new payload if there is some, else the last segment again.
    ///
    //= rfc8985#7.3 RFC8985-7.3-1
    pub(crate) fn poll_tail_probe(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        if self.pending.probe != Some(Probe::Tail) {
            return None;
        }
        self.pending.probe = None;
        if self.snd.flight() == 0 {
            return None;
        }
        let output = match self.next_new_for_probe() {
            Some(end) => {
                let output = self.send_new(engine, now, end);
                self.snd.loss.tail = Some(TailProbe { end: self.snd.max, again: false });
                output
            }
            None => self.send_tail_again(engine, now)?,
        };
        engine.counters.tail_probes += 1;
        //= rfc8985#7.3 RFC8985-7.3-2 RFC8985-7.3-3
        // The answer, or the timeout: no second probe.
        self.arm_retransmit(engine, now);
        Some(output)
    }

    fn send_tail_again(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        let (room, max) = (self.payload_room(), engine.config.sent_records_max);
        let (start, end) = self.snd.board.on_tail_probed(room, now, max)?;
        self.snd.loss.tail = Some(TailProbe { end: self.snd.max, again: true });
        Some(self.payload_again(engine, now, start, end))
    }

    /// An ACK of all that was sent up to a probe: was it the probe that repaired the tail?
    ///
    //= rfc8985#7.4.2 RFC8985-7.4.2-1 RFC8985-7.4.2-2
    pub(crate) fn on_ack_of_tail_probe(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
        advanced: bool,
        dsack: Option<SackBlock>,
    ) {
        let Some(TailProbe { end, again }) = self.snd.loss.tail else { return };
        if segment.ack.before(end) {
            return;
        }
        let arrived_twice = dsack.is_some_and(|block| block.end == end);
        let beyond = segment.ack.after(end);
        let plain_duplicate = !advanced && segment.options.sack.is_empty();
        if again && beyond && !arrived_twice {
            // A single loss was repaired: it counts as any other.
            self.on_loss_repaired_by_probe(engine, now);
        }
        if !again || beyond || arrived_twice || plain_duplicate {
            self.snd.loss.tail = None;
        }
    }

    /// Whether new payload may go out as a probe, whatever the congestion window says, and to where.
    fn next_new_for_probe(&self) -> Option<SeqNum> {
        if self.switches.tx_quiesce || !self.snd.max.before(self.snd.tx_max) {
            return None;
        }
        let unsent = self.snd.tx_max.since(self.snd.max);
        let usable = self.snd.edge().later(self.snd.max).since(self.snd.max);
        let len = unsent.min(usable).min(self.payload_room());
        (len > 0).then(|| self.snd.max + len)
    }
}
