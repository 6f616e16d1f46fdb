//! What the firmware knows of a connection's work requests: a flow.
//!
//! The first work request of a tid on an offload queue is a FLOWC. Each one costs its length in units of
//! 16 bytes, and FW4_ACK gives them back in the order in which they were posted: those that carry
//! payload when the peer has acknowledged it, all others when TP has been told. An answer is sent for
//! work requests that ask for one (COMPL) and covers all that were done before it.

use std::collections::VecDeque;

use mafo_t4::cpl::{Fw4Ack, Fw4AckFlags};
use mafo_t4::wr::{FwFlowcWr, Malformed, Mnem};
use mafo_t4::{HostMemory, IqId, Tid};

use crate::hw::Hw;
use crate::sge::Ingress;

/// What a FLOWC says of a connection; what it does not mention is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowParams {
    /// Physical and virtual function (PFNVFN).
    pub pfvf: Option<u32>,
    /// Transmit channel.
    pub channel: Option<u8>,
    /// Port.
    pub port: Option<u8>,
    /// Ingress queue of the answers, absolute.
    pub iq: Option<IqId>,
    /// First sequence number that the host will post.
    pub snd_nxt: Option<u32>,
    /// Next sequence number expected of the peer.
    pub rcv_nxt: Option<u32>,
    /// Send buffer in bytes.
    pub snd_buf: Option<u32>,
    /// Maximum segment size in bytes.
    pub mss: Option<u32>,
    /// TCP state, as numbers of the TCB.
    pub tcp_state: Option<u32>,
    /// Shift of our own window.
    pub snd_scale: Option<u32>,
    /// Shift of the peer's window.
    pub rcv_scale: Option<u32>,
}

impl FlowParams {
    /// The parameters of the FLOWC `wr`; unknown ones are skipped, of repeated ones the last counts.
    pub fn parse(wr: &[u8]) -> Result<Self, Malformed> {
        let mut this = Self::default();
        for (mnemonic, value) in FwFlowcWr::params(wr)? {
            match mnemonic {
                Mnem::PFNVFN => this.pfvf = Some(value),
                Mnem::CH => this.channel = Some(u8::try_from(value).map_err(|_| Malformed)?),
                Mnem::PORT => this.port = Some(u8::try_from(value).map_err(|_| Malformed)?),
                Mnem::IQID => {
                    this.iq = Some(IqId(u16::try_from(value).map_err(|_| Malformed)?));
                }
                Mnem::SNDNXT => this.snd_nxt = Some(value),
                Mnem::RCVNXT => this.rcv_nxt = Some(value),
                Mnem::SNDBUF => this.snd_buf = Some(value),
                Mnem::MSS => this.mss = Some(value),
                Mnem::TCPSTATE => this.tcp_state = Some(value),
                Mnem::SND_SCALE => this.snd_scale = Some(value),
                Mnem::RCV_SCALE => this.rcv_scale = Some(value),
                _ => {}
            }
        }
        Ok(this)
    }
}

/// When a work request is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// It is, once those before it are.
    Told,
    /// The same, and the answer says that it was a FLOWC.
    Flowc,
    /// When the peer has acknowledged this many bytes since the flow began.
    Acked(u64),
}

#[derive(Clone, Copy, Debug)]
struct Work {
    units: u32,
    compl: bool,
    until: Until,
}

/// A FLOWC that moves a flow to another channel, and waits until the queue that the flow used is empty.
#[derive(Clone, Copy, Debug)]
struct Move {
    units: u32,
    old_eq: usize,
}

#[derive(Debug)]
struct Flow {
    /// Egress queue of its work requests, by index.
    eq: usize,
    iq: IqId,
    channel: u8,
    works: VecDeque<Work>,
    /// Units posted and not given back.
    outstanding: u32,
    /// Units done and not given back, and what they were.
    done: u32,
    done_data: bool,
    done_flowc: bool,
    /// Payload bytes posted and acknowledged since the flow began.
    posted: u64,
    acked: u64,
    /// Sequence number behind the posted bytes, and as TP last said acknowledged up to.
    snd_nxt: u32,
    snd_una: u32,
    moving: Option<Move>,
}

/// All flows, by tid.
#[derive(Debug, Default)]
pub struct Flows {
    flows: Vec<Option<Box<Flow>>>,
    moving: Vec<Tid>,
    count: usize,
}

/// Why a work request was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowError {
    /// The tid has sent no FLOWC.
    NoFlowc,
    /// More units than the connection may have outstanding.
    Overrun,
    /// A first FLOWC that names no ingress queue.
    NoQueue,
}

/// What a piece of `len` bytes takes of the heap, with its header.
const fn allocated(len: usize) -> usize {
    (len + 8).next_multiple_of(16)
}

impl Flows {
    /// Flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the table and of its flows.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let works = |flow: &Flow| match flow.works.capacity() * size_of::<Work>() {
            0 => 0,
            len => allocated(len),
        };
        let flows = self.flows.iter().flatten();
        let each = flows.map(|flow| allocated(size_of::<Flow>()) + works(flow));
        size_of_val(&*self.flows) + each.sum::<usize>()
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn get_mut(&mut self, tid: Tid) -> Option<&mut Flow> {
        self.flows.get_mut(tid.index())?.as_deref_mut()
    }

    /// Whether `tid` has sent its FLOWC.
    #[must_use]
    pub fn contains(&self, tid: Tid) -> bool {
        self.flows.get(tid.index()).is_some_and(Option::is_some)
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.flows.clear();
        self.moving.clear();
        self.count = 0;
    }

    /// Whether a flow waits to change its channel.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.moving.is_empty()
    }
}

impl Flow {
    fn charge(&mut self, work: Work) {
        self.outstanding += work.units;
        self.works.push_back(work);
    }

    /// Takes work that is done off the front. The answer that is due, as credits and flags.
    fn next_answer(&mut self) -> Option<(u32, Fw4AckFlags)> {
        while let Some(work) = self.works.front() {
            match work.until {
                Until::Acked(end) if self.acked < end => return None,
                Until::Acked(_) => self.done_data = true,
                Until::Flowc => self.done_flowc = true,
                Until::Told => {}
            }
            self.done += work.units;
            let compl = work.compl;
            self.works.pop_front();
            if compl {
                let flags = Fw4AckFlags(0)
                    .with_seqval(core::mem::take(&mut self.done_data))
                    .with_flowc(core::mem::take(&mut self.done_flowc));
                return Some((core::mem::take(&mut self.done), flags));
            }
        }
        None
    }
}

impl<M: HostMemory> Hw<M> {
    /// A FLOWC of `units` came by egress queue `eq`. The first one of a tid begins its flow; a further
    /// one moves the flow to its channel, which is answered by a FW4_ACK with CH.
    pub(crate) fn flowc(
        &mut self,
        eq: usize,
        tid: Tid,
        units: u32,
        compl: bool,
        params: &FlowParams,
    ) -> Result<(), FlowError> {
        let limit = self.config.flowc_buffifo_sz;
        if let Some(flow) = self.flows.get_mut(tid) {
            if flow.outstanding + units > limit {
                return Err(FlowError::Overrun);
            }
            flow.outstanding += units;
            let old_eq = core::mem::replace(&mut flow.eq, eq);
            flow.channel = params.channel.unwrap_or(flow.channel);
            flow.iq = params.iq.unwrap_or(flow.iq);
            flow.moving = Some(match flow.moving {
                // Two moves at once: the first is answered together with the second.
                Some(first) => Move { units: first.units + units, old_eq: first.old_eq },
                None => Move { units, old_eq },
            });
            self.flows.moving.push(tid);
            self.finish_moves();
            return Ok(());
        }
        let iq = params.iq.ok_or(FlowError::NoQueue)?;
        let snd_nxt = params.snd_nxt.unwrap_or(0);
        let mut flow = Flow {
            eq,
            iq,
            channel: params.channel.unwrap_or(0),
            works: VecDeque::new(),
            outstanding: 0,
            done: 0,
            done_data: false,
            done_flowc: false,
            posted: 0,
            acked: 0,
            snd_nxt,
            snd_una: snd_nxt,
            moving: None,
        };
        flow.charge(Work { units, compl, until: Until::Flowc });
        if self.flows.flows.len() <= tid.index() {
            self.flows.flows.resize_with(tid.index() + 1, || None);
        }
        self.flows.flows[tid.index()] = Some(Box::new(flow));
        self.flows.count += 1;
        self.answer_flow(tid);
        Ok(())
    }

    /// Whether a work request of `units` may pass; it is charged by [`Hw::flow_told`] or
    /// [`Hw::flow_posted`].
    pub(crate) fn flow_check(&mut self, tid: Tid, units: u32) -> Result<(), FlowError> {
        let limit = self.config.flowc_buffifo_sz;
        let flow = self.flows.get_mut(tid).ok_or(FlowError::NoFlowc)?;
        if flow.outstanding + units > limit { Err(FlowError::Overrun) } else { Ok(()) }
    }

    /// A work request without payload was handed to TP. A connection that TP has freed meanwhile has no
    /// flow any more.
    pub(crate) fn flow_told(&mut self, tid: Tid, units: u32, compl: bool) {
        if let Some(flow) = self.flows.get_mut(tid) {
            flow.charge(Work { units, compl, until: Until::Told });
            self.answer_flow(tid);
        }
    }

    /// A work request with `bytes` of payload is about to be handed to TP.
    pub(crate) fn flow_posted(&mut self, tid: Tid, units: u32, compl: bool, bytes: u32) {
        if let Some(flow) = self.flows.get_mut(tid) {
            flow.posted += u64::from(bytes);
            flow.snd_nxt = flow.snd_nxt.wrapping_add(bytes);
            let until = Until::Acked(flow.posted);
            flow.charge(Work { units, compl, until });
            // Without payload there is nothing to wait for.
            if bytes == 0 {
                self.answer_flow(tid);
            }
        }
    }

    /// The peer has acknowledged the next `bytes` of payload, up to `snd_una`.
    pub fn flow_acked(&mut self, tid: Tid, snd_una: u32, bytes: u32) {
        let Some(flow) = self.flows.get_mut(tid) else { return };
        flow.acked += u64::from(bytes);
        debug_assert!(
            flow.acked <= flow.posted,
            "{tid:?}: {} bytes acknowledged of {}",
            flow.acked,
            flow.posted
        );
        flow.snd_una = snd_una;
        self.answer_flow(tid);
    }

    /// The connection is no more: its flow is void, nothing is answered any longer.
    pub fn flow_released(&mut self, tid: Tid) {
        if let Some(slot) = self.flows.flows.get_mut(tid.index())
            && slot.take().is_some()
        {
            self.flows.count -= 1;
            self.flows.moving.retain(|moving| *moving != tid);
        }
    }

    fn answer_flow(&mut self, tid: Tid) {
        while let Some(flow) = self.flows.get_mut(tid) {
            let Some((credits, flags)) = flow.next_answer() else { return };
            self.send_fw4_ack(tid, credits, flags);
        }
    }

    fn send_fw4_ack(&mut self, tid: Tid, credits: u32, flags: Fw4AckFlags) {
        let Some(flow) = self.flows.get_mut(tid) else { return };
        debug_assert!(credits <= flow.outstanding, "{tid:?}: {credits} of {}", flow.outstanding);
        flow.outstanding -= credits;
        let (iq, channel) = (flow.iq, flow.channel);
        let ack = Fw4Ack::new(tid)
            .with_flags(flags)
            .with_snd_nxt(flow.snd_nxt)
            .with_snd_una(flow.snd_una);
        let mut left = credits;
        loop {
            // The field has eight bits.
            let now = left.min(u32::from(u8::MAX));
            let ack = ack.with_credits(now as u8);
            self.sge.reply(iq, &Ingress::new(channel & 3, ack.as_bytes()));
            left -= now;
            if left == 0 {
                return;
            }
        }
    }

    /// Flows whose old queue has run empty change their channel.
    pub(crate) fn finish_moves(&mut self) {
        let mut waiting = core::mem::take(&mut self.flows.moving);
        waiting.retain(|tid| {
            let Some(flow) = self.flows.get_mut(*tid) else { return false };
            let Some(Move { units, old_eq }) = flow.moving else { return false };
            if old_eq != flow.eq && !self.sge.eq_is_idle(old_eq) {
                return true;
            }
            flow.moving = None;
            self.send_fw4_ack(*tid, units, Fw4AckFlags(0).with_ch(true));
            false
        });
        self.flows.moving = waiting;
    }
}
