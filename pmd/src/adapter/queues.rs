//! Queues: memory, the firmware's commands, doorbells, and at last the lcores.

use std::sync::Arc;

use mafo_mem::Nanos;
use mafo_t4::fw::eq::{CIDXFTHRESH_32, FBMAX_512B, FBMIN_64B, FBMIN_128B, HOSTFCMODE_STATUS_PAGE};
use mafo_t4::fw::{
    Command, DmaqParam, EqContext, EqCtrlCmd, EqEthAuto, EqEthCmd, EqFetch, EqIdWord, EqOfldCmd,
    FlContext, FlFetch, IqCmd, IqContext, IqKind, Opcode, Param, ParamsCmd,
};
use mafo_t4::regs::bar2::{Area, DoorbellKind};
use mafo_t4::regs::sge::ConmCtxt;
use mafo_t4::{EqId, Iova, IqId, PortId};

use super::bringup::read;
use super::close::Undo;
use super::config::Congestion;
use super::events::EventQueue;
use super::ports::frame_template;
use super::registers::{PKT_SHIFT, SgeLayout, area};
use super::task::{Started, Task};
use super::{Adapter, AdapterError, Holder, LcoreSlot, Resources, State};
use crate::eal::dma::{ArenaFull, DmaBuf};
use crate::eth::{EthQueue, EthShape};
use crate::fw::Reply;
use crate::lcore::{Lcore, LcoreQueues, Mail};
use crate::sge::{Doorbell, ENTRY, Eq, EqRing, Freelist, Gts, IngressQueue, IqRing};
use crate::tid::LcoreId;

/// Entries of the firmware's event queue: link changes are few.
pub(super) const EVENT_ENTRIES: u16 = 64;
/// Rings begin at a page, as drivers for silicon have it.
pub(super) const RING_ALIGN: usize = 4096;
/// Ten bits name an ingress queue in CPLs, seventeen an egress queue in SGE_EGR_UPDATE.
const IQ_IDS: u32 = 1 << 10;
const EQ_IDS: u32 = 1 << 17;

/// An lcore's queues as far as they exist.
#[derive(Default)]
pub(super) struct LcoreDraft {
    /// Of the ingress queue, relative to the function: where egress queues report to.
    reports_to: u16,
    ingress: Option<IngressQueue>,
    ctrl: Option<Eq>,
    eth: Vec<EthQueue>,
    ofld: Vec<Eq>,
    /// Memory whose command is under way.
    pending: Option<Pending>,
}

/// A queue that the firmware is being asked for.
enum Pending {
    Ingress(IqRing, Freelist),
    Egress(EqRing),
}

impl LcoreDraft {
    pub(super) fn ingress_id(&self) -> Option<IqId> {
        self.ingress.as_ref().map(IngressQueue::id)
    }

    fn take_egress(&mut self) -> EqRing {
        match self.pending.take() {
            Some(Pending::Egress(ring)) => ring,
            _ => unreachable!("a reply to an egress queue that was not asked for"),
        }
    }
}

impl Adapter {
    pub(super) fn plan_queues(&mut self) {
        self.tasks.push_back(Task::EventQueue);
        let ports = self.draft.ports.len();
        for lcore in self.lcore_ids() {
            let (mail, draft) = (Mail::new(), LcoreDraft::default());
            self.lcores.push(LcoreSlot { mail, draft, lcore: None, holder: Holder::Adapter });
            self.tasks.extend([Task::Ingress(lcore), Task::Congestion(lcore), Task::Ctrl(lcore)]);
            for port in 0..ports {
                self.tasks.extend([Task::Eth(lcore, port), Task::Ofld(lcore, port)]);
            }
        }
        for port in 0..ports {
            self.tasks.extend([
                Task::RssTable { port, start: 0 },
                Task::RssVi(port),
                Task::RxMode(port),
                Task::AddMac(port),
                Task::EnableVi(port),
                Task::StartLink(port),
            ]);
        }
        self.tasks.push_back(Task::Ready);
    }

    /// Where the firmware tells of links.
    pub(super) fn alloc_event_queue(&mut self, now: Nanos) -> Result<Started, AdapterError> {
        let ring = IqRing::new(|len| self.arena.alloc(len, RING_ALIGN), EVENT_ENTRIES);
        let ring = ring.map_err(no_memory("the event queue"))?;
        let kind = self.ingress_kind().with_iqasynch(true);
        let command = self.ingress_command(&ring, kind);
        self.event_queue = Some(EventQueue::Asked(ring));
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_event_queue(&mut self, reply: &Reply) -> Result<(), AdapterError> {
        let iq = read::<IqCmd>(reply);
        let Some(EventQueue::Asked(ring)) = self.event_queue.take() else {
            unreachable!("a reply to an event queue that was not asked for")
        };
        let holds = vec![ring.memory().hold()];
        self.note_allocated(Undo::Iq { iqid: iq.iqid(), fl0id: None }, holds);
        let (id, gts) = self.ingress_place(iq)?;
        self.event_queue = Some(EventQueue::Running(ring.start(id, gts)));
        Ok(())
    }

    pub(super) fn alloc_ingress(
        &mut self,
        now: Nanos,
        lcore: LcoreId,
    ) -> Result<Started, AdapterError> {
        let sge = self.sge();
        let shape = sge.freelist(self.config.queues.freelist)?;
        let alloc = |len| self.arena.alloc(len, RING_ALIGN);
        let ring = IqRing::new(alloc, self.config.queues.ingress);
        let ring = ring.map_err(no_memory("an ingress queue"))?;
        let iova = |buf: &DmaBuf| self.domain.iova(buf);
        let list = Freelist::new(alloc, iova, shape, sge.status_page);
        let list = list.map_err(no_memory("a freelist"))?;
        let context = FlContext(0)
            .with_iqtype(FlContext::IQTYPE_OFLD)
            .with_fetchro(true)
            .with_dataro(true)
            .with_paden(true)
            // The list counts for how full the queue is.
            .with_iqflintcongen(true)
            .with_congen(true)
            .with_congcif(true)
            .with_cngchmap(self.channels());
        let fetch = FlFetch(0).with_fbmin(FBMIN_128B as u16).with_fbmax(FBMAX_512B as u16);
        let command = self
            .ingress_command(&ring, self.ingress_kind())
            .with_fl0(context)
            .with_fl0_fetch(fetch)
            .with_fl0size(list.units_with_status())
            .with_fl0addr(self.domain.iova(list.memory()[0]));
        self.draft_of(lcore).pending = Some(Pending::Ingress(ring, list));
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_ingress(&mut self, lcore: LcoreId, reply: &Reply) -> Result<(), AdapterError> {
        let iq = read::<IqCmd>(reply);
        let Some(Pending::Ingress(ring, mut list)) = self.draft_of(lcore).pending.take() else {
            unreachable!("a reply to an ingress queue that was not asked for")
        };
        let holds = [ring.memory()].into_iter().chain(list.memory()).map(DmaBuf::hold).collect();
        let undo = Undo::Iq { iqid: iq.iqid(), fl0id: Some(iq.fl0id()) };
        self.note_allocated(undo, holds);
        let (id, gts) = self.ingress_place(iq)?;
        let list_area = self.egress_area(Opcode::IQ, "FL0ID", iq.fl0id().into())?;
        list.start(Doorbell::new(self.bar.clone(), list_area, DoorbellKind::Freelist));
        let queue = IngressQueue::new(ring.start(id, gts), list, PKT_SHIFT as usize);
        let draft = self.draft_of(lcore);
        draft.reports_to = iq.iqid();
        draft.ingress = Some(queue);
        Ok(())
    }

    /// An lcore's queue is fed by all ports, so that all of them pause when it fills.
    pub(super) fn set_congestion(
        &mut self,
        now: Nanos,
        lcore: LcoreId,
    ) -> Result<Started, AdapterError> {
        let context = match self.config.congestion {
            Congestion::Drop => ConmCtxt(0).with_cngtpmode(ConmCtxt::QUEUE),
            Congestion::Pause => {
                // A nibble for each channel (cxgbe's cng_ch_bits_log is 2).
                let map = self.draft.ports.iter().fold(0, |map, port| map | 1 << (4 * port.0));
                ConmCtxt(0).with_cngtpmode(ConmCtxt::CHANNEL).with_cngchmap(map)
            }
        };
        let param = Param::dmaq(DmaqParam::CONM_CTXT, self.draft_of(lcore).reports_to);
        let command = ParamsCmd::write(&[(param, context.0)]).of_function(self.draft.pf, 0);
        Ok(self.submit(now, &command))
    }

    /// The channels of all ports, a bit each.
    fn channels(&self) -> u32 {
        self.draft.ports.iter().fold(0, |map, port| map | 1 << port.0)
    }

    pub(super) fn alloc_ctrl(
        &mut self,
        now: Nanos,
        lcore: LcoreId,
    ) -> Result<Started, AdapterError> {
        let first = self.draft.ports[0];
        let (context, fetch, at) = self.egress(lcore, first, self.config.queues.ctrl)?;
        let reports_to = self.draft_of(lcore).reports_to;
        let command = EqCtrlCmd::alloc_start()
            .of_function(self.draft.pf, 0)
            .with_eqid(EqIdWord(0).with_cmpliqid(reports_to.into()))
            .with_context(context)
            .with_fetch(fetch)
            .with_eqaddr(at);
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_ctrl(&mut self, lcore: LcoreId, reply: &Reply) -> Result<(), AdapterError> {
        let told = read::<EqCtrlCmd>(reply);
        let ids = (told.eqid().eqid(), told.physeqid().physeqid());
        let eq = self.start_egress(lcore, Opcode::EQ_CTRL, ids, Undo::EqCtrl)?;
        self.draft_of(lcore).ctrl = Some(eq);
        Ok(())
    }

    pub(super) fn alloc_eth(
        &mut self,
        now: Nanos,
        lcore: LcoreId,
        port: usize,
    ) -> Result<Started, AdapterError> {
        let id = self.draft.ports[port];
        let (context, fetch, at) = self.egress(lcore, id, self.config.queues.eth)?;
        let viid = self.ports[port].resources.viid;
        let command = EqEthCmd::alloc_start()
            .of_function(self.draft.pf, 0)
            .with_context(context)
            .with_fetch(fetch)
            .with_eqaddr(at)
            .with_auto(EqEthAuto(0).with_autoequeqe(true).with_viid(viid.0.into()));
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_eth(
        &mut self,
        lcore: LcoreId,
        port: usize,
        reply: &Reply,
    ) -> Result<(), AdapterError> {
        let told = read::<EqEthCmd>(reply);
        let ids = (told.eqid().eqid(), told.physeqid().physeqid());
        let eq = self.start_egress(lcore, Opcode::EQ_ETH, ids, Undo::EqEth)?;
        let buffer_len = self.config.frame_max().next_multiple_of(64);
        let len = buffer_len * usize::from(self.config.queues.eth_buffers);
        let memory = self.arena.alloc(len, RING_ALIGN);
        let memory = memory.map_err(no_memory("Ethernet frames"))?;
        if let Some(allocated) = self.allocated.last_mut() {
            allocated.holds.push(memory.hold());
        }
        let port = self.draft.ports[port];
        let shape = EthShape { port, template: frame_template(self.draft.pf, port), buffer_len };
        let base = self.domain.iova(&memory);
        self.draft_of(lcore).eth.push(EthQueue::new(eq, memory, base, shape));
        Ok(())
    }

    pub(super) fn alloc_ofld(
        &mut self,
        now: Nanos,
        lcore: LcoreId,
        port: usize,
    ) -> Result<Started, AdapterError> {
        let port = self.draft.ports[port];
        let (context, fetch, at) = self.egress(lcore, port, self.config.queues.ofld)?;
        let command = EqOfldCmd::alloc_start()
            .of_function(self.draft.pf, 0)
            .with_context(context)
            .with_fetch(fetch)
            .with_eqaddr(at);
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_ofld(
        &mut self,
        lcore: LcoreId,
        _port: usize,
        reply: &Reply,
    ) -> Result<(), AdapterError> {
        let told = read::<EqOfldCmd>(reply);
        let ids = (told.eqid().eqid(), told.physeqid().physeqid());
        let eq = self.start_egress(lcore, Opcode::EQ_OFLD, ids, Undo::EqOfld)?;
        self.draft_of(lcore).ofld.push(eq);
        Ok(())
    }

    /// Everything is there: the lcores can be taken.
    pub(super) fn ready(&mut self) -> Result<Started, AdapterError> {
        let resources = Arc::new(self.gather());
        self.resources = Some(Arc::clone(&resources));
        let links: Vec<_> = self.ports.iter().map(|port| port.link).collect();
        for (id, slot) in self.lcore_ids().zip(&mut self.lcores) {
            let draft = std::mem::take(&mut slot.draft);
            let (Some(ingress), Some(ctrl)) = (draft.ingress, draft.ctrl) else {
                unreachable!("{id:?} has no queues")
            };
            let queues = LcoreQueues { ingress, ctrl, eth: draft.eth, ofld: draft.ofld };
            let share = resources.share(id, self.config.lcores);
            let common = (Arc::clone(&resources), Arc::clone(&self.domain), Arc::clone(&self.bar));
            let mail = Arc::clone(&slot.mail);
            slot.lcore = Some(Lcore::new(id, share, queues, links.clone(), common, mail));
        }
        self.state = State::Up;
        Ok(Started::Done)
    }

    fn gather(&self) -> Resources {
        let draft = &self.draft;
        let Some(tp) = draft.tp else { unreachable!("queues before settings") };
        Resources {
            pf: draft.pf,
            chip: self.chip(),
            chip_revision: draft.chip_revision,
            firmware: draft.firmware,
            tp_microcode: draft.tp_microcode,
            caps: draft.caps,
            ntids: draft.ntids,
            atids: self.atids(),
            servers: draft.servers.clone(),
            filters: draft.filters.clone(),
            l2t: draft.l2t.clone(),
            flowc_credits: draft.flowc_credits,
            core_clock_khz: draft.core_clock_khz,
            tp_resolution: tp.resolution,
            mtus: tp.mtus,
            filter_mode: draft.filter_mask.map_or(tp.filter_mode, |told| told.filter_mode()),
            filter_mask: draft.filter_mask.map(|told| told.filter_mask()),
            max_rx_data: tp.max_rx_data,
            initial_window: tp.initial_window,
            congestion: self.config.congestion,
            ports: self.ports.iter().map(|port| port.resources.clone()).collect(),
        }
    }

    fn draft_of(&mut self, lcore: LcoreId) -> &mut LcoreDraft {
        &mut self.lcores[usize::from(lcore.0)].draft
    }

    fn sge(&self) -> SgeLayout {
        let Some(sge) = self.draft.sge else { unreachable!("queues before settings") };
        sge
    }

    /// News are told by nothing but the generation bit.
    fn ingress_kind(&self) -> IqKind {
        IqKind(0)
            .with_type_(IqKind::FL_INT_CAP)
            .with_vi(self.ports[0].resources.viid)
            .with_iqanud(IqKind::UPDATE_INTERRUPT)
    }

    fn ingress_command(&self, ring: &IqRing, kind: IqKind) -> IqCmd {
        let channel = u16::from(self.draft.ports[0].0);
        let context =
            IqContext(0).with_iqpciech(channel).with_iqgtsmode(true).with_entry_size(ENTRY as u16);
        IqCmd::alloc_start()
            .of_function(self.draft.pf, 0)
            .with_kind(kind)
            .with_context(context)
            .with_iqsize(ring.size())
            .with_iqaddr(self.domain.iova(ring.memory()))
    }

    /// Id and credit return of a new ingress queue.
    fn ingress_place(&self, told: &IqCmd) -> Result<(IqId, Gts), AdapterError> {
        let bad = |what, value: u16| AdapterError::BadReply {
            command: Opcode::IQ,
            what,
            value: value.into(),
        };
        if u32::from(told.physiqid()) >= IQ_IDS {
            return Err(bad("PHYSIQID", told.physiqid()));
        }
        // Relative to the function there are no more, and FW_EQ_CTRL_CMD names it in 12 bits.
        if u32::from(told.iqid()) >= IQ_IDS {
            return Err(bad("IQID", told.iqid()));
        }
        let place = area(self.sge().ingress, told.iqid().into());
        let place = place.ok_or(bad("IQID", told.iqid()))?;
        Ok((IqId(told.physiqid()), Gts::new(self.bar.clone(), place)))
    }

    fn egress_area(
        &self,
        command: Opcode,
        what: &'static str,
        qid: u32,
    ) -> Result<Area, AdapterError> {
        let place = area(self.sge().egress, qid);
        place.ok_or(AdapterError::BadReply { command, what, value: qid })
    }

    /// The ring of a new egress queue of `lcore` on the channel of `port`, and what is the same in the
    /// commands of all kinds.
    fn egress(
        &mut self,
        lcore: LcoreId,
        port: PortId,
        units: u16,
    ) -> Result<(EqContext, EqFetch, Iova), AdapterError> {
        let status_page = self.sge().status_page;
        let ring = EqRing::new(|len| self.arena.alloc(len, RING_ALIGN), units, status_page);
        let ring = ring.map_err(no_memory("an egress queue"))?;
        let at = self.domain.iova(ring.memory());
        let fetch = EqFetch(0)
            .with_fbmin(FBMIN_64B)
            .with_fbmax(FBMAX_512B)
            .with_cidxfthresh(CIDXFTHRESH_32)
            .with_eqsize(ring.units_with_status().into());
        let draft = self.draft_of(lcore);
        draft.pending = Some(Pending::Egress(ring));
        let context = EqContext(0)
            .with_fetchro(true)
            .with_hostfcmode(HOSTFCMODE_STATUS_PAGE)
            .with_pciechn(port.0.into())
            .with_iqid(draft.reports_to.into());
        Ok((context, fetch, at))
    }

    fn start_egress(
        &mut self,
        lcore: LcoreId,
        command: Opcode,
        (relative, absolute): (u32, u32),
        undo: fn(u32) -> Undo,
    ) -> Result<Eq, AdapterError> {
        let ring = self.draft_of(lcore).take_egress();
        self.note_allocated(undo(relative), vec![ring.memory().hold()]);
        if absolute >= EQ_IDS {
            return Err(AdapterError::BadReply { command, what: "PHYSEQID", value: absolute });
        }
        let place = self.egress_area(command, "EQID", relative)?;
        let doorbell = Doorbell::new(self.bar.clone(), place, DoorbellKind::Egress);
        Ok(ring.start(EqId(absolute), doorbell))
    }
}

fn no_memory(queue: &'static str) -> impl FnOnce(ArenaFull) -> AdapterError {
    move |source| AdapterError::Memory { queue, source }
}
