//! Tail loss probe (RFC 8985 7): when ACKs do not come, one segment asks for one, so that a loss at the
//! end of a flight is repaired by RACK in a round trip or two rather than by the timeout.

use mafo_mem::Nanos;

use crate::tcb::SendSpace;
use crate::timers::RetransmitTimer;
use crate::{
    Connection, Engine, Events, Output, Probe, Recovery, SackBlock, Segment, SeqNum, TailProbe,
};

/// Whether a probe is not acknowledged, and which. It is kept of a connection that is idle too: that may not
/// know yet whether its probe repaired something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// None.
    Clear,
    /// New payload.
    Sent,
    /// The last segment again.
    SentAgain,
}

impl SendSpace {
    /// The probe that is not acknowledged.
    pub(crate) fn tail_probe(&self) -> Option<TailProbe> {
        let again = self.tail == Tail::SentAgain;
        (self.tail != Tail::Clear).then_some(TailProbe { end: self.tail_end, again })
    }

    pub(crate) fn set_tail_probe(&mut self, probe: Option<TailProbe>) {
        self.tail = match probe {
            None => Tail::Clear,
            Some(TailProbe { again: false, .. }) => Tail::Sent,
            Some(TailProbe { again: true, .. }) => Tail::SentAgain,
        };
        self.tail_end = probe.map_or(self.una, |probe| probe.end);
    }
}

impl Connection {
    /// Starts the probe timer in place of the retransmission timer, if a probe would be of use.
    /// `rto_at` is when that would run out.
    ///
    //= rfc8985#7.2 RFC8985-7.2-3 RFC8985-7.2-4 RFC8985-7.2-5
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
            && self.flight.board.left_network() == 0
            && self.snd.flight() > 0
            && self.snd.tail == Tail::Clear;
        if !useful {
            return false;
        }
        let at = now + self.probe_timeout(engine);
        self.timers.retransmit_is(RetransmitTimer::TailProbe, at.min(rto_at));
        true
    }

    /// PTO.
    //
    //= rfc8985#7.2 RFC8985-7.2-1 RFC8985-7.2-2 RFC8985-7.2-6
    fn probe_timeout(&self, engine: &Engine) -> Nanos {
        let Some(srtt) = self.snd.rtt.srtt() else { return engine.config.rto_initial };
        // The ACK of a single segment may be delayed.
        let single = self.flight.board.segments() == 1;
        let wait = if single { engine.config.rto_min } else { engine.config.timer_slack };
        Nanos(2 * srtt.0) + wait
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
                self.snd.set_tail_probe(Some(TailProbe { end: self.snd.max, again: false }));
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
        if self.snd.max.after(self.snd.rightmost_edge()) {
            // Whether it was ever sent nobody knows, and the peer has no room for it.
            return None;
        }
        let (room, max) = (self.payload_room(), engine.config.sent_records_max);
        let (start, end) = self.flight.board.on_tail_probed(room, now, max)?;
        self.snd.set_tail_probe(Some(TailProbe { end: self.snd.max, again: true }));
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
        let Some(TailProbe { end, again }) = self.snd.tail_probe() else { return };
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
            self.snd.tail = Tail::Clear;
        }
    }

    /// Whether new payload may go out as a probe, whatever the congestion window says, and to where.
    fn next_new_for_probe(&self) -> Option<SeqNum> {
        if self.switches.tx_quiesce || !self.snd.max.before(self.snd.tx_max) {
            return None;
        }
        let unsent = self.snd.tx_max.since(self.snd.max);
        //= rfc8985#7.3 RFC8985-7.3-4
        let usable = self.snd.edge().later(self.snd.max).since(self.snd.max);
        let len = unsent.min(usable).min(self.payload_room());
        (len > 0).then(|| self.snd.max + len)
    }
}
