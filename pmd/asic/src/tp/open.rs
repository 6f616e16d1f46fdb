//! How connections and listeners begin.

use super::image::switches;
use super::outbox::Then;
use super::settle::NOBODY;
use super::tcb::{Live, Opening, Phase, Tcb};
use super::{Card, Ctx, Message, Server, Tp, refuse};
use crate::le::filters::VlanRewrite;
use crate::le::servers::ServerError;
use crate::le::{Action, Endpoint, FourTuple, InsertError, Key};
use crate::mishap::{ControlKind, Mishap};
use core::net::IpAddr;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, AcceptMode, AtidStatus, OpcodeTid, Status, TosAtid, TosStid};
use mafo_t4::opt::{Opt0, Opt2, TcpOpt};
use mafo_t4::tcb::{State, TFlags, Tcb as Image, field};
use mafo_t4::{IqId, PortId, Tid};
use mafo_tcp::{CongestionControl, Connection, EcnMode, Open, SeqNum, Switches};

/// Bytes of IPv4 and TCP headers without options.
pub(super) const HEADERS_V4: u16 = 40;

/// MAX_RT of a connection whose open does not override it.
const MAX_RT_DEFAULT: u64 = 0xf;

/// The image that an open makes.
fn image_of_open(opt0: Opt0, opt2: Opt2, iq: IqId) -> Image {
    let flags = TFlags::default()
        .with_non_offload(opt0.non_offload())
        .with_keepalive(opt0.keep_alive())
        .with_dack(opt0.delack())
        .with_nagle(opt0.nagle())
        .with_tx_channel(opt0.tx_chan())
        // NO_CONG; on a NON_OFFLOAD TCB the same bit is REPORT_TID.
        .with_turbo(opt0.no_cong())
        .with_rx_flow_control_ddp(opt2.rx_fc_ddp())
        .with_rx_flow_control_disable(opt2.rx_fc_disable())
        .with_rx_channel(opt2.rx_channel())
        .with_tx_pace_auto(opt2.pace() & 1 != 0)
        .with_tx_pace_fixed(opt2.pace() & 2 != 0)
        .with_tx_queue(u64::from(opt2.tx_queue()))
        .with_cctrl_sel(u64::from(opt2.cong_cntrl()))
        .with_cctrl_ecn(opt2.cctrl_ecn())
        .with_rcv_coalesce_enable(opt2.rx_coalesce() & 1 != 0)
        .with_rcv_coalesce_push(opt2.rx_coalesce() & 2 != 0)
        .with_recv_scale(opt2.wnd_scale_en())
        .with_recv_tstmp(opt2.tstamps_en())
        .with_recv_sack(opt2.sack_en());
    let max_rt = if opt0.max_rt_override() { opt0.max_rt() } else { MAX_RT_DEFAULT };
    let mut image = Image::default()
        .with(field::ULP_TYPE, opt0.ulp_mode())
        .with(field::L2T_IX, opt0.l2t_idx())
        .with(field::SMAC_SEL, opt0.smac_sel())
        .with(field::RSS_INFO, u64::from(iq.0))
        .with(field::TOS, opt0.dscp())
        .with(field::MAX_RT, max_rt)
        .with(field::T_MAXSEG, opt0.mss_idx())
        .with(field::SND_SCALE, opt0.wnd_scale())
        .with(field::RCV_WND, opt0.rcv_bufsiz() << 10);
    image.set_flags(flags);
    image
}

/// What becomes of the frames of a TCB that is not offloaded (T_FLAGS as filter actions).
pub(super) fn action_of(image: &Image, tid: u32) -> Action {
    let flags = image.filter_flags();
    if flags.drop() {
        Action::Drop
    } else if flags.lpbk() {
        Action::Switch {
            port: PortId(image.flags().tx_channel() as u8),
            l2t: Some(image.l2t_idx()),
            rewrite_dmac: flags.rewrite_dmac(),
            smac: flags.rewrite_smac().then(|| image.smt_idx()),
            vlan: if flags.vlan_rewrite() { VlanRewrite::Insert } else { VlanRewrite::Keep },
        }
    } else {
        Action::Host {
            queue: flags.direct_steer().then(|| image.iq_id()),
            report: flags.report_tid().then_some(tid),
        }
    }
}

/// What the engine is asked for.
fn open_of(
    (opt0, opt2): (Opt0, Opt2),
    iss: u32,
    key: &Key,
    mss: u16,
    switches: Switches,
    congestion: [CongestionControl; 4],
) -> Open {
    Open {
        local_port: key.tuple.local_port,
        remote_port: key.tuple.peer_port,
        iss: SeqNum(iss),
        mss,
        rcv_wnd: (opt0.rcv_bufsiz() as u32) << 10,
        window_scale: opt2.wnd_scale_en().then(|| (opt0.wnd_scale() as u8).min(14)),
        timestamps: opt2.tstamps_en(),
        ts_offset: 0,
        sack: opt2.sack_en(),
        ecn: if opt2.cctrl_ecn() { EcnMode::On } else { EcnMode::Off },
        congestion: congestion[usize::from(opt2.cong().0) % congestion.len()],
        switches,
    }
}

/// MSS of an entry of the MTU table.
pub(super) fn mss_of<C: Card>(card: &C, index: u64) -> u16 {
    card.mtu(index as u8).saturating_sub(HEADERS_V4).max(1)
}

/// The greatest entry of the MTU table that segments of `mss` bytes fit, else the first.
fn mss_index<C: Card>(card: &C, mss: u16) -> u8 {
    let entries = (0..16).map(|index| (mss_of(card, u64::from(index)), index));
    entries.filter(|(entry, _)| *entry <= mss).max().map_or(0, |(_, index)| index)
}

impl Tp {
    pub(super) fn act_open<C: Card>(&mut self, card: &mut C, now: Nanos, cpl: &[u8]) -> Option<()> {
        let request: &cpl::ActOpenReq = cpl::parse(cpl)?;
        let (opt0, opt2) = (request.opt0(), request.opt2());
        let tuple = FourTuple {
            local: IpAddr::V4(request.local_ip()),
            peer: IpAddr::V4(request.peer_ip()),
            local_port: request.local_port(),
            peer_port: request.peer_port(),
        };
        let key = Key { tuple, ntuple: self.le.mode().enforce(request.params().filter_tuple()) };
        let ot = request.ot();
        let image = image_of_open(opt0, opt2, opt2.queue().unwrap_or(ot.queue()));
        let mishap = opt0.non_offload().then(|| card.mishap(ControlKind::Open)).flatten();
        let refused = opt0.non_offload() && refuse(&mut self.core.refusals.opens)
            || mishap == Some(Mishap::Refused);
        // Which is then as well answered as another.
        let mishap = mishap.filter(|&mishap| mishap != Mishap::Refused);
        let entered = if refused { Err(Status::TCAM_FULL) } else { self.enter(key) };
        let tid = match entered {
            Ok(tid) => tid,
            Err(status) => {
                let reply =
                    cpl::ActOpenRpl::new(Tid(0)).with_atid_status(AtidStatus::of(ot, status));
                let message = Message { cpl: reply.as_bytes(), payload: &[] };
                self.core.answer_as(card, (ot.queue(), mishap), (Tid(0), NOBODY), message);
                return Some(());
            }
        };
        if opt0.non_offload() {
            self.open_image(card, (tid, key), image, (ot, mishap));
        } else {
            self.core.counters.active_opens += 1;
            let mss = mss_of(card, opt0.mss_idx());
            let (switches, congestion) = (switches(image.flags()), self.core.congestion);
            let open = open_of((opt0, opt2), request.iss(), &key, mss, switches, congestion);
            let conn = Connection::connect(&mut self.core.engine, now, &open);
            let live = Live::new(conn, Opening::Active(ot));
            let tcb = self.tcbs.insert(tid, key, image, Phase::Live(live));
            tcb.looked_up = true;
            let mut ctx = Ctx { le: &mut self.le, core: &mut self.core, card, now };
            if ctx.card.resolves(tcb.route.l2t) {
                ctx.touch_up(tcb);
            } else {
                ctx.open_failed(tcb, ot, Status::ARP_MISS);
            }
        }
        Some(())
    }

    /// A NON_OFFLOAD open: a TCB that is an image, and no SYN.
    fn open_image<C: Card>(
        &mut self,
        card: &mut C,
        (tid, key): (Tid, Key),
        mut image: Image,
        (ot, mishap): (OpcodeTid, Option<Mishap>),
    ) {
        self.core.counters.non_offload_opens += 1;
        image.set_state(State::Established);
        let window = u64::from(mss_of(card, image.get(field::T_MAXSEG)))
            * u64::from(self.core.engine.config.initial_window_segments);
        image.set(field::SND_CWND, window.min(field::SND_CWND.max()));
        image.set(field::SND_SSTHRESH, field::SND_SSTHRESH.max());
        let tcb = self.tcbs.insert(tid, key, image, Phase::NonOffload);
        tcb.looked_up = true;
        let reply = cpl::ActOpenRpl::new(tid).with_atid_status(AtidStatus::of(ot, Status::NONE));
        let message = Message { cpl: reply.as_bytes(), payload: &[] };
        self.core.answer_as(card, (ot.queue(), mishap), (tid, tcb.epoch), message);
    }

    /// Gives a connection a TID and enters it.
    fn enter(&mut self, key: Key) -> Result<Tid, Status> {
        let tid = self.le.tids.allocate().ok_or(Status::TCAM_FULL)?;
        let tcbs = &self.tcbs;
        let entered = self.le.active.insert(&key, tid, |tid, key| tcbs.is(tid, key));
        entered.map(|()| tid).map_err(|error| {
            self.le.tids.release(tid);
            match error {
                InsertError::Exists(_) => Status::CONN_EXIST,
                InsertError::Full => Status::TCAM_FULL,
            }
        })
    }

    /// IPv6: no address is in the CLIP table, so the lookup fails.
    pub(super) fn act_open6<C: Card>(&mut self, card: &mut C, cpl: &[u8]) -> Option<()> {
        let ot = cpl::parse::<cpl::ActOpenReq6>(cpl)?.ot();
        let reply =
            cpl::ActOpenRpl::new(Tid(0)).with_atid_status(AtidStatus::of(ot, Status::TCAM_MISS));
        self.answer(card, ot.queue(), reply.as_bytes(), &[]);
        Some(())
    }

    pub(super) fn pass_open<C: Card>(&mut self, card: &mut C, cpl: &[u8]) -> Option<()> {
        let request: &cpl::PassOpenReq = cpl::parse(cpl)?;
        let address = Some(request.local_ip()).filter(|ip| !ip.is_unspecified()).map(IpAddr::V4);
        let endpoint = Endpoint { address, v6: false, port: request.local_port() };
        let (stid, opt1) = (request.stid(), request.opt1());
        let status = match self.le.servers.insert(stid, endpoint, Server { opt1 }) {
            Ok(()) => Status::NONE,
            Err(ServerError::Exists) => Status::CONN_EXIST,
            Err(ServerError::OutOfRange) => Status::TCAM_FULL,
        };
        let reply = cpl::PassOpenRpl::new(stid).with_status(status);
        self.answer(card, opt1.syn_queue(), reply.as_bytes(), &[]);
        Some(())
    }

    /// IPv6: as for active opens.
    pub(super) fn pass_open6<C: Card>(&mut self, card: &mut C, cpl: &[u8]) -> Option<()> {
        let request: &cpl::PassOpenReq6 = cpl::parse(cpl)?;
        let reply = cpl::PassOpenRpl::new(request.stid()).with_status(Status::TCAM_MISS);
        self.answer(card, request.opt1().syn_queue(), reply.as_bytes(), &[]);
        Some(())
    }

    pub(super) fn close_listsrv<C: Card>(&mut self, card: &mut C, cpl: &[u8]) -> Option<()> {
        let request: &cpl::CloseListsrvReq = cpl::parse(cpl)?;
        let status = match self.le.servers.remove(request.stid()) {
            Some(_) => Status::NONE,
            None => Status::TCAM_MISS,
        };
        let ctrl = request.reply_ctrl();
        if !ctrl.no_reply() {
            let reply = cpl::CloseListsrvRpl::new(request.stid()).with_status(status);
            self.answer(card, IqId(ctrl.queue()), reply.as_bytes(), &[]);
        }
        Some(())
    }

    pub(super) fn pass_accept_rpl<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        cpl: &[u8],
    ) -> Option<()> {
        let reply: &cpl::PassAcceptRpl = cpl::parse(cpl)?;
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(reply.tid()) {
            Some(tcb) => ctx.accept(tcb, reply),
            None => ctx.core.counters.cpl_unknown_tid += 1,
        }
        Some(())
    }

    /// An answer that is about no TCB.
    pub(super) fn answer<C: Card>(
        &mut self,
        card: &mut C,
        iq: IqId,
        cpl: &[u8],
        payload: &[&[u8]],
    ) {
        self.core.say(card, iq, (Tid(0), NOBODY), Message { cpl, payload }, Then::Nothing);
    }
}

impl<C: Card> Ctx<'_, C> {
    /// The host's answer to a SYN.
    fn accept(&mut self, tcb: &mut Tcb, reply: &cpl::PassAcceptRpl) {
        let Phase::Asked(stid, syn) = &tcb.phase else {
            // The peer's reset may have crossed the answer; anything else is the host's mistake.
            if !matches!(tcb.phase, Phase::PeerAborted) {
                self.core.counters.cpl_wrong_state += 1;
            }
            return;
        };
        let (opt0, opt2) = (reply.opt0(), reply.opt2());
        let image = image_of_open(opt0, opt2, opt2.queue().unwrap_or(tcb.route.iq));
        match opt0.accept() {
            AcceptMode::ACCEPT => {
                let mss = mss_of(self.card, opt0.mss_idx());
                let (switches, congestion) = (switches(image.flags()), self.core.congestion);
                let open = open_of((opt0, opt2), reply.iss(), &tcb.key, mss, switches, congestion);
                let Some(conn) = Connection::accept(&mut self.core.engine, self.now, &open, syn)
                else {
                    return self.over(tcb);
                };
                tcb.phase = Phase::Live(Live::new(conn, Opening::Passive(*stid)));
                (tcb.image, tcb.due) = (image, Default::default());
                tcb.reroute();
                self.touch_up(tcb);
            }
            AcceptMode::ACCEPT_TNL => {
                tcb.image = image.with(field::T_STATE, State::Established as u64);
                tcb.image.set_flags(image.flags().with_non_offload(true));
                tcb.phase = Phase::NonOffload;
                tcb.reroute();
            }
            // The host answers the peer itself.
            _ => self.over(tcb),
        }
    }

    /// The ESTABLISH message: connection and peer agree, the host learns of it before the peer is told more.
    pub(super) fn tell_established(&mut self, tcb: &mut Tcb) {
        let Phase::Live(live) = &mut tcb.phase else { return };
        let index = mss_index(self.card, live.conn.path_mss());
        // What an image can say is what is used, or a move would change it.
        live.conn.set_mss(mss_of(self.card, u64::from(index)).min(live.conn.mss()));
        tcb.image.set(field::T_MAXSEG, u64::from(index));
        live.delivered = (live.conn.irs() + 1).0;
        let scale = live.conn.window_scale();
        let tcp_opt = TcpOpt(0)
            .with_mss(u16::from(index))
            .with_wscale_ok(scale.is_some())
            .with_snd_wscale(scale.map_or(0, |scale| u16::from(scale.snd)))
            .with_tstamp(live.conn.timestamps_in_force())
            .with_sack(live.conn.sack_in_force());
        let (snd_isn, rcv_isn) = ((live.conn.iss() + 1).0, (live.conn.irs() + 1).0);
        live.gated = true;
        let tos = tcb.route.tos;
        match core::mem::replace(&mut live.opening, Opening::Done) {
            Opening::Active(ot) => {
                let message = cpl::ActEstablish::new(tcb.tid)
                    .with_tos_atid(TosAtid::of(ot, tos))
                    .with_tcp_opt(tcp_opt)
                    .with_snd_isn(snd_isn)
                    .with_rcv_isn(rcv_isn);
                self.tell(tcb, ot.queue(), message.as_bytes(), &[], Then::Ungate);
            }
            Opening::Passive(stid) => {
                let message = cpl::PassEstablish::new(tcb.tid)
                    .with_tos_stid(TosStid(0).with_tos(u32::from(tos)).with_stid(stid))
                    .with_tcp_opt(tcp_opt)
                    .with_snd_isn(snd_isn)
                    .with_rcv_isn(rcv_isn);
                self.tell(tcb, tcb.route.iq, message.as_bytes(), &[], Then::Ungate);
            }
            Opening::Done => live.gated = false,
        }
    }

    /// An active open ends without a connection.
    pub(super) fn open_failed(&mut self, tcb: &mut Tcb, ot: OpcodeTid, status: Status) {
        let reply = cpl::ActOpenRpl::new(tcb.tid).with_atid_status(AtidStatus::of(ot, status));
        self.over(tcb);
        self.tell(tcb, ot.queue(), reply.as_bytes(), &[], Then::Nothing);
    }
}
