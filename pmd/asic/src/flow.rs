//! What the firmware knows of a connection's work requests: a flow.
//!
//! The first work request of a tid on an offload queue is a FLOWC. Each one costs its length in units of
//! 16 bytes, and FW4_ACK gives them back in the order in which they were posted: those that carry
//! payload when the peer has acknowledged it, all others when TP has been told. An answer is sent for
//! work requests that ask for one (COMPL) and covers all that were done before it.

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
    /// Whether the commit rule is kept, if that is said.
    pub commits: Option<bool>,
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
                Mnem::COMMITS => this.commits = Some(value != 0),
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
    units: u16,
    compl: bool,
    until: Until,
}

/// A FLOWC that moves a flow to another channel, and waits until the queue that the flow used is empty.
#[derive(Clone, Copy, Debug)]
struct Move {
    tid: Tid,
    units: u16,
    old_eq: usize,
}

/// A flow, in less than a cache line: there may be a million of them, and most are idle.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// Payload bytes posted and acknowledged since the flow began.
    posted: u64,
    acked: u64,
    /// Sequence number behind the posted bytes, and as TP last said acknowledged up to.
    snd_nxt: u32,
    snd_una: u32,
    /// Its work requests that are not done, oldest first.
    works: Queue,
    /// Egress queue of its work requests, by index.
    eq: u32,
    /// Units posted and not given back.
    outstanding: u16,
    /// Units done and not given back, and what they were.
    done: u16,
    iq: IqId,
    channel: u8,
    done_data: bool,
    done_flowc: bool,
    /// There is such a flow.
    exists: bool,
}

const _: () = assert!(size_of::<Flow>() == 48);

/// First and last place of a flow's work requests in [`Works`], each plus one; 0 for none.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    first: u32,
    last: u32,
}

/// The work requests of all flows that are not done: a flow that is idle has none.
#[derive(Debug, Default)]
struct Works {
    /// Each with the place of the next one of its flow, or the next free one, plus one.
    places: Vec<(Work, u32)>,
    /// A free place plus one.
    free: u32,
}

impl Works {
    fn push(&mut self, queue: &mut Queue, work: Work) {
        let place = match self.free.checked_sub(1) {
            Some(free) => {
                self.free = self.places[free as usize].1;
                self.places[free as usize] = (work, 0);
                free + 1
            }
            None => {
                self.places.push((work, 0));
                self.places.len() as u32
            }
        };
        match queue.last.checked_sub(1) {
            Some(last) => self.places[last as usize].1 = place,
            None => queue.first = place,
        }
        queue.last = place;
    }

    fn first(&self, queue: &Queue) -> Option<Work> {
        self.places.get(queue.first.checked_sub(1)? as usize).map(|(work, _)| *work)
    }

    fn pop(&mut self, queue: &mut Queue) {
        let Some(first) = queue.first.checked_sub(1) else { return };
        let next = core::mem::replace(&mut self.places[first as usize].1, self.free);
        self.free = first + 1;
        queue.first = next;
        if next == 0 {
            queue.last = 0;
        }
    }
}

/// All flows, by tid.
#[derive(Debug, Default)]
pub struct Flows {
    flows: Vec<Flow>,
    works: Works,
    moving: Vec<Move>,
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

impl Flows {
    /// Flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the table and of what is under way.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.flows) + size_of_val(&*self.works.places)
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn get_mut(&mut self, tid: Tid) -> Option<&mut Flow> {
        self.flows.get_mut(tid.index()).filter(|flow| flow.exists)
    }

    /// Whether `tid` has sent its FLOWC.
    #[must_use]
    pub fn contains(&self, tid: Tid) -> bool {
        self.flows.get(tid.index()).is_some_and(|flow| flow.exists)
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.flows.clear();
        self.works.places.clear();
        self.works.free = 0;
        self.moving.clear();
        self.count = 0;
    }

    /// Takes in the next work request of `tid`, which `of` its flow makes; whether there is a flow.
    fn charge(&mut self, tid: Tid, of: impl FnOnce(&mut Flow) -> Work) -> bool {
        let Self { flows, works, .. } = self;
        let Some(flow) = flows.get_mut(tid.index()).filter(|flow| flow.exists) else {
            return false;
        };
        let work = of(flow);
        flow.charge(works, work);
        true
    }

    /// The answer that is due, as credits and flags.
    fn next_answer(&mut self, tid: Tid) -> Option<(u16, Fw4AckFlags)> {
        let Self { flows, works, .. } = self;
        flows.get_mut(tid.index()).filter(|flow| flow.exists)?.next_answer(works)
    }

    fn release(&mut self, tid: Tid) {
        let Self { flows, works, moving, count } = self;
        let Some(flow) = flows.get_mut(tid.index()).filter(|flow| flow.exists) else { return };
        while works.first(&flow.works).is_some() {
            works.pop(&mut flow.works);
        }
        flow.exists = false;
        *count -= 1;
        moving.retain(|moving| moving.tid != tid);
    }

    /// Whether a flow waits to change its channel.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.moving.is_empty()
    }
}

impl Flow {
    fn charge(&mut self, works: &mut Works, work: Work) {
        self.outstanding += work.units;
        works.push(&mut self.works, work);
    }

    /// Whether there may be so many units more outstanding.
    fn has_room(&self, units: u16, limit: u32) -> bool {
        u32::from(self.outstanding) + u32::from(units) <= limit.min(u16::MAX.into())
    }

    /// Takes work that is done off the front. The answer that is due, as credits and flags.
    fn next_answer(&mut self, works: &mut Works) -> Option<(u16, Fw4AckFlags)> {
        while let Some(work) = works.first(&self.works) {
            match work.until {
                Until::Acked(end) if self.acked < end => return None,
                Until::Acked(_) => self.done_data = true,
                Until::Flowc => self.done_flowc = true,
                Until::Told => {}
            }
            self.done += work.units;
            works.pop(&mut self.works);
            if work.compl {
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
        units: u16,
        compl: bool,
        params: &FlowParams,
    ) -> Result<(), FlowError> {
        let limit = self.config.flowc_buffifo_sz;
        if let Some(flow) = self.flows.get_mut(tid) {
            if !flow.has_room(units, limit) {
                return Err(FlowError::Overrun);
            }
            flow.outstanding += units;
            let old_eq = core::mem::replace(&mut flow.eq, eq as u32) as usize;
            flow.channel = params.channel.unwrap_or(flow.channel);
            flow.iq = params.iq.unwrap_or(flow.iq);
            match self.flows.moving.iter_mut().find(|moving| moving.tid == tid) {
                // Two moves at once: the first is answered together with the second.
                Some(first) => first.units += units,
                None => self.flows.moving.push(Move { tid, units, old_eq }),
            }
            self.finish_moves();
            return Ok(());
        }
        let iq = params.iq.ok_or(FlowError::NoQueue)?;
        let snd_nxt = params.snd_nxt.unwrap_or(0);
        let mut flow = Flow {
            eq: eq as u32,
            iq,
            channel: params.channel.unwrap_or(0),
            snd_nxt,
            snd_una: snd_nxt,
            exists: true,
            ..Flow::default()
        };
        let Flows { flows, works, count, .. } = &mut self.flows;
        flow.charge(works, Work { units, compl, until: Until::Flowc });
        if flows.is_empty() {
            // As many as there may be: what nobody uses is no page of anybody's.
            flows.reserve_exact(self.config.ntids as usize);
        }
        if flows.len() <= tid.index() {
            flows.resize(tid.index() + 1, Flow::default());
        }
        flows[tid.index()] = flow;
        *count += 1;
        self.answer_flow(tid);
        Ok(())
    }

    /// Whether a work request of `units` may pass; it is charged by [`Hw::flow_told`] or
    /// [`Hw::flow_posted`].
    pub(crate) fn flow_check(&mut self, tid: Tid, units: u16) -> Result<(), FlowError> {
        let limit = self.config.flowc_buffifo_sz;
        let flow = self.flows.get_mut(tid).ok_or(FlowError::NoFlowc)?;
        if flow.has_room(units, limit) { Ok(()) } else { Err(FlowError::Overrun) }
    }

    /// A work request without payload was handed to TP. A connection that TP has freed meanwhile has no
    /// flow any more.
    pub(crate) fn flow_told(&mut self, tid: Tid, units: u16, compl: bool) {
        if self.flows.charge(tid, |_| Work { units, compl, until: Until::Told }) {
            self.answer_flow(tid);
        }
    }

    /// A work request with `bytes` of payload is about to be handed to TP.
    pub(crate) fn flow_posted(&mut self, tid: Tid, units: u16, compl: bool, bytes: u32) {
        let charged = self.flows.charge(tid, |flow| {
            flow.posted += u64::from(bytes);
            flow.snd_nxt = flow.snd_nxt.wrapping_add(bytes);
            Work { units, compl, until: Until::Acked(flow.posted) }
        });
        // Without payload there is nothing to wait for.
        if charged && bytes == 0 {
            self.answer_flow(tid);
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
        self.flows.release(tid);
    }

    fn answer_flow(&mut self, tid: Tid) {
        while let Some((credits, flags)) = self.flows.next_answer(tid) {
            self.send_fw4_ack(tid, credits, flags);
        }
    }

    fn send_fw4_ack(&mut self, tid: Tid, credits: u16, flags: Fw4AckFlags) {
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
            let now = left.min(u16::from(u8::MAX));
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
        waiting.retain(|&Move { tid, units, old_eq }| {
            let Some(flow) = self.flows.get_mut(tid) else { return false };
            if old_eq != flow.eq as usize && !self.sge.eq_is_idle(old_eq) {
                return true;
            }
            self.send_fw4_ack(tid, units, Fw4AckFlags(0).with_ch(true));
            false
        });
        self.flows.moving = waiting;
    }
}
