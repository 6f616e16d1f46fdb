//! Explicit congestion notification (RFC 3168): what is agreed, and both directions of the echo.
//!
//! ```text
//!  sender                            queue                       receiver
//!  new payload, ECT(0) ────────────► congested: CE ────────────► CE seen
//!  reduces, once a round trip ◄──────────────────── ECE on every segment
//!  new payload, CWR ───────────────────────────────────────────► echo ends
//! ```
//!
//! A peer that offers Accurate ECN (RFC 9768) sets AE, CWR and ECE on its SYN; the answer without AE makes it
//! go on as here. AE is never set.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::prr::Prr;
use crate::recovery::Ack;
use crate::{
    CongestionControl, Connection, Ecn, EcnMode, Engine, Flags, Opened, Output, Recovery, Segment,
    SeqNum,
};

/// The control bits that ask for ECN.
const SETUP: Flags = Flags::ECE.with(Flags::CWR);

/// What is agreed, and what is owed. In SYN-SENT what we ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcnState {
    /// Whether new payload goes out as ECN-capable.
    pub sends: bool,
    /// Whether CE is to be echoed.
    pub echoes: bool,
    /// CE was seen: ECE is on every segment until CWR comes. T5's CCTRL_ECE.
    pub echo_owed: bool,
    /// The window was reduced: the next new payload says so. T5's CCTRL_CWR.
    pub cwr_owed: bool,
    /// The window is being reduced for an echo, and no other echo counts, until this is acknowledged.
    pub reducing_until: Option<SeqNum>,
}

/// [`EcnState`] as it is when the window is not being reduced; [`crate::flight::Flight::reducing_until`] is
/// the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EcnFlags {
    pub(crate) sends: bool,
    pub(crate) echoes: bool,
    pub(crate) echo_owed: bool,
    pub(crate) cwr_owed: bool,
}

impl EcnFlags {
    pub(crate) fn new(mode: EcnMode, congestion: CongestionControl, opened: Opened) -> Self {
        let wanted = match (mode, opened) {
            (EcnMode::On, _) | (EcnMode::OnRequest, Opened::Passively) => true,
            (EcnMode::Off, _) | (EcnMode::OnRequest, Opened::Actively) => false,
        };
        let asks = wanted || congestion.needs_ecn();
        Self { sends: asks, echoes: asks, ..Self::default() }
    }

    /// The peer's SYN, or SYN,ACK.
    ///
    //= rfc3168#6.1.1 RFC3168-6.1.1-1
    pub(crate) fn on_syn(&mut self, syn: &Segment, congestion: CongestionControl) {
        let agrees = if syn.flags.contains(Flags::ACK) {
            syn.flags.contains(Flags::ECE) && !syn.flags.contains(Flags::CWR)
        } else {
            // No SYN of RFC 3168 is marked. One that is has passed something that marks whatever comes, as
            // Linux sees it, but for peers of the newer kinds.
            let suspect = syn.ecn != Ecn::NotEct && !syn.flags.contains(Flags::AE);
            syn.flags.contains(SETUP) && (!suspect || congestion.needs_ecn())
        };
        self.sends &= agrees;
        self.echoes &= agrees;
    }

    /// The control bits of a SYN of ours; `again` when it is not the first.
    ///
    //= rfc3168#6.1.1.1 RFC3168-6.1.1.1-1
    /// What is in the way of the first may be in the way of its ECN bits. Who has sent a SYN without them
    /// must not mark payload any more.
    pub(crate) fn syn_flags(&mut self, again: bool) -> Flags {
        self.sends &= !again;
        if self.sends { SETUP } else { Flags::NONE }
    }

    /// The control bits of our SYN,ACK.
    pub(crate) fn syn_ack_flags(&self) -> Flags {
        if self.echoes { Flags::ECE } else { Flags::NONE }
    }

    /// The window was reduced, for whatever reason.
    ///
    //= rfc3168#6.1.2 RFC3168-6.1.2-4
    pub(crate) fn on_reduced(&mut self) {
        self.cwr_owed = self.sends;
    }
}

/// ACKs that are owed for what came before the marks changed, at most, until the next output.
const SPLITS: usize = 4;

/// The receiver of DCTCP: each ACK says exactly of the bytes that it acknowledges whether they were marked.
///
//= rfc8257#3.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
//= rfc8257#3.2 RFC8257-3.2-1
pub struct CeEcho {
    /// DCTCP.CE: whether the last segment was marked.
    ce: bool,
    /// Before which bytes it changed since the last output, and what it was before.
    splits: [Option<(SeqNum, bool)>; SPLITS],
}

impl CeEcho {
    /// A segment with payload came; `owed` is what an ACK of those before it would acknowledge, if one is
    /// owed. Answers whether an ACK must not wait.
    fn on_segment(&mut self, ce: bool, owed: Option<SeqNum>) -> bool {
        let changed = self.ce != ce;
        if changed && let Some(before) = owed
            // With no place left, the bytes count with those that follow.
            && let Some(free) = self.splits.iter_mut().find(|split| split.is_none())
        {
            *free = Some((before, self.ce));
        }
        self.ce = ce;
        changed
    }

    fn next_split(&mut self) -> Option<(SeqNum, bool)> {
        let first = self.splits[0]?;
        self.splits.rotate_left(1);
        self.splits[SPLITS - 1] = None;
        Some(first)
    }
}

/// What arrives.
impl Connection {
    /// The marks of a segment whose payload is looked at.
    ///
    //= rfc3168#6.1.3 RFC3168-6.1.3-1
    //= rfc3168#6.1.5 RFC3168-6.1.5-2
    pub(crate) fn take_marks(&mut self, engine: &mut Engine, segment: &Segment) {
        if !self.ecn.echoes || segment.payload_len == 0 {
            return;
        }
        let ce = segment.ecn == Ecn::Ce;
        engine.counters.rx_ce += u64::from(ce);
        // Whether delivered or not: an owner may deliver a burst when it has seen all of it.
        let owed = self.rcv.nxt;
        if let Some(echo) = self.rare.as_mut().and_then(|rare| rare.ce_echo.as_mut()) {
            let owed = (owed != self.rcv.last_ack_sent).then_some(owed);
            self.rcv.ack.now |= echo.on_segment(ce, owed);
            return;
        }
        // Its sender may have a window of one segment.
        if segment.flags.contains(Flags::CWR) {
            self.ecn.echo_owed = false;
            self.rcv.ack.now = true;
        }
        if ce && !self.ecn.echo_owed {
            self.ecn.echo_owed = true;
            self.rcv.ack.now = true;
        }
    }

    /// An ACK that `echoes` congestion or not. Answers whether the window is being reduced on account of this
    /// or an earlier one.
    ///
    //= rfc3168#6.1.2 RFC3168-6.1.2-2 RFC3168-6.1.2-3
    pub(crate) fn take_echo(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        echoes: bool,
        ack: &Ack,
    ) -> bool {
        let at = self.situation(now);
        self.snd.cc.on_echo(&at, ack.advanced, echoes);
        let was_reducing = self.flight.reducing_until.is_some();
        if self.flight.reducing_until.is_some_and(|until| self.snd.una.at_or_after(until)) {
            self.flight.reducing_until = None;
            self.snd.cc.on_recovery_exit(&at);
        }
        // What was lost in this window has reduced it already.
        let counts = self.snd.recovery == Recovery::Open && self.flight.reducing_until.is_none();
        if echoes && self.ecn.sends && counts && self.snd.flight() > 0 {
            engine.counters.ecn_reductions += 1;
            let outstanding = self.snd.flight() - self.flight.board.sacked() + ack.delivered;
            self.flight.reducing_until = Some(self.snd.max);
            self.ecn.on_reduced();
            self.flight.prr = Prr::new(outstanding);
            self.snd.cc.on_ecn(&at);
        }
        was_reducing || self.flight.reducing_until.is_some()
    }
}

/// What leaves.
impl Connection {
    /// Marks new payload, which nothing else is: what is sent again, and what carries no byte, says nothing
    /// to a queue.
    ///
    //= rfc3168#6.1.4 RFC3168-6.1.4-1
    //= rfc3168#6.1.5 RFC3168-6.1.5-1
    //= rfc3168#6.1.1 RFC3168-6.1.1-2
    //= rfc3168#6.1.2 RFC3168-6.1.2-1 RFC3168-6.1.2-4
    //= rfc3168#6.1.6 RFC3168-6.1.6-1
    //= rfc9293#3.8.2 SHLD-8
    pub(crate) fn mark_new_payload(&mut self, output: &mut Output) {
        if self.ecn.sends && output.segment.payload_len > 0 {
            output.segment.ecn = Ecn::Ect0;
            if core::mem::take(&mut self.ecn.cwr_owed) {
                output.segment.flags |= Flags::CWR;
            }
        }
    }

    /// The echo in a segment that is no SYN, and the mark that all of DCTCP's segments bear.
    ///
    //= rfc8257#3.6 RFC8257-3.6-1
    pub(crate) fn mark(&self, segment: &mut Segment) {
        if segment.flags.contains(Flags::RST) {
            return;
        }
        let syn = segment.flags.contains(Flags::SYN);
        let echo = self.ce_echo().map_or(self.ecn.echo_owed, |echo| echo.ce);
        if !syn && self.ecn.echoes && echo {
            segment.flags |= Flags::ECE;
        }
        if self.ecn.sends && self.ce_echo().is_some() {
            segment.ecn = Ecn::Ect0;
        }
    }

    /// The ACK of what came before DCTCP's marks changed, which must not wait for what came after.
    pub(crate) fn poll_split_ack(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        while let Some((seq, ce)) = self.rare.as_mut()?.ce_echo.as_mut()?.next_split() {
            let seq = seq.earlier(self.rcv.ack_no());
            if seq.after(self.rcv.last_ack_sent) {
                // As if what came after were not delivered yet.
                let rest = self.rcv.ack_no().since(seq);
                self.rcv.undelivered += rest;
                let mut output = self.ack(engine, now);
                self.rcv.undelivered -= rest;
                output.segment.flags = output.segment.flags.without(Flags::ECE);
                if ce {
                    output.segment.flags |= Flags::ECE;
                }
                return Some(output);
            }
        }
        None
    }
}
