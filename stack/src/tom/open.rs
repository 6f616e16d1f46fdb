//! Opening: listeners on every adapter, active opens, accepted ones.

use core::net::{IpAddr, SocketAddr, SocketAddrV4};

use mafo_mem::Nanos;
use mafo_pmd::Lcore;
use mafo_pmd::ofld::{self, Refused, TxCreditPool, Via};
use mafo_t4::cpl::{
    AbortCmd, AcceptMode, ActEstablish, ActOpenRpl, PassAcceptReq, PassEstablish, PassOpenRpl,
    ReplyCtrl, SetTcbField, Status,
};
use mafo_t4::opt::{CongAlg, ConnPolicy, Opt0, Opt1, Opt2, TcpOpt};
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_t4::tcb::{self, field};
use mafo_t4::{IqId, L2tIdx, PortId, SmtIdx, Stid, Tid};
use mafo_tcp::{CongestionControl, EcnMode, Ended, GaveUp, Rhythm, Segment, SeqNum, isn};

use super::hold::Hold;
use super::member::AtidUse;
use super::member::Flow;
use super::shadow::Turn;
use super::state::{Event, State};
use super::switches::Switches;
use super::{Epoch, Fence, Gate, Member, MemberId, Offloaded, TidUse};
use crate::core::{Core, Late};
use crate::defect::Defect;
use crate::error::{ConnectionError, ListenError};
use crate::host::{window_max, window_scale};
use crate::listener::{Listener, ListenerId};
use crate::packet::{self, Packet};
use crate::pmtu::HEADERS;
use crate::slab::SocketId;
use crate::socket::{Holder, Path, Readiness};
use crate::tuple::FourTuple;
use crate::{Options, PathChoice, StackConfig};

/// Unit of the window in opt0, in bytes.
const RCV_BUFSIZ_UNIT: usize = 1024;
/// The card coalesces segments into one RX_DATA.
const RX_COALESCE: u32 = 3;

/// What became of a SYN for which there was room.
enum Syn {
    /// A connection of the card is being opened by it.
    Accepted,
    /// A cookie answered it, or what is left of an old connection did: nothing of it is to be kept.
    Handled,
}

impl Core {
    /// Takes an adapter in, and puts all listeners on it.
    pub(crate) fn add_member(&mut self, lcore: Lcore) -> MemberId {
        let first = lcore.resources().ports.first().map(|p| p.port);
        let iq = lcore.ingress.as_ref().map_or(IqId(0), |ingress| ingress.id());
        let id = self.members.add_adapter(Member::new(lcore, iq));
        if self.active.is_none() {
            self.active = first.map(|port| (id, port));
        }
        self.listen_on(id);
        id
    }

    /// Puts all listeners on an adapter.
    pub(super) fn listen_on(&mut self, member: MemberId) {
        let offloaded: Vec<_> = self
            .listeners
            .iter()
            .filter(|(_, l)| l.path == PathChoice::Offload)
            .map(|(&id, l)| (id, l.address))
            .collect();
        for (listener, address) in offloaded {
            if self.tom_listen(member, listener, address).is_err() {
                self.counters.tom_listen_failed += 1;
            }
        }
    }

    /// Puts a listener on an adapter.
    pub(crate) fn tom_listen(
        &mut self,
        member_id: MemberId,
        listener_id: ListenerId,
        address: SocketAddr,
    ) -> Result<(), ListenError> {
        let IpAddr::V4(ip) = address.ip() else { return Err(ListenError::Ipv6) };
        let member = &mut self.members[member_id.index()];
        let stid = member.stids.insert(listener_id).ok_or(ListenError::TableFull)?;
        let asks = Opt1(0).with_policy(ConnPolicy::ASK);
        // With several lcores each has the SYNs whose connections will be its own, whoever listened first.
        let opt1 = match self.shard {
            Some(_) => asks.with_spread_syns(member.iq()),
            None => asks.with_syn_queue(member.iq()),
        };
        let local = SocketAddrV4::new(ip, address.port());
        let listen = ofld::Listen { stid, local, opt0: Opt0(0), opt1 };
        if ofld::pass_open(&mut member.lcore.ctrl, &listen).is_err() {
            member.stids.remove(stid);
            return Err(ListenError::TableFull);
        }
        if let Some(listener) = self.listeners.get_mut(&listener_id) {
            listener.stids.push((member_id, stid));
        }
        Ok(())
    }

    /// Takes a listener off all adapters. SYNs that are under way are refused when they come.
    pub(crate) fn tom_close_listener(&mut self, stids: &[(MemberId, Stid)]) {
        for &(member_id, stid) in stids {
            let member = &mut self.members[member_id.index()];
            let reply_to = member.iq();
            if ofld::close_listsrv(&mut member.lcore.ctrl, stid, reply_to).is_err() {
                self.counters.tom_ring_full += 1;
            }
        }
    }

    pub(crate) fn on_pass_open_rpl(&mut self, member_id: MemberId, rpl: &PassOpenRpl) {
        if rpl.status() == Status::NONE {
            return;
        }
        // The card cannot listen here: what it would have taken comes to the host path.
        self.counters.tom_listen_failed += 1;
        let stid = rpl.stid();
        let listener = self.members[member_id.index()].stids.remove(stid);
        if let Some(listener) = listener.and_then(|id| self.listeners.get_mut(&id)) {
            listener.stids.retain(|&entry| entry != (member_id, stid));
        }
    }

    /// What an adapter does for a connection with these options.
    pub(crate) fn offloaded_congestion(&self, options: Options) -> CongestionControl {
        let code_points = self.config.adapter_congestion;
        code_points[usize::from(code_point(options.congestion, code_points).0)]
    }

    /// Counts a connection that an adapter is asked for with a congestion control that it does not have.
    fn count_congestion(&mut self, options: Options) {
        let is_unmet =
            options.congestion.is_some_and(|chosen| self.offloaded_congestion(options) != chosen);
        self.counters.tom_congestion_unmet += u64::from(is_unmet);
    }

    /// A reference to the entry of `remote`'s next hop on an adapter.
    fn l2t(
        &mut self,
        member_id: MemberId,
        port: PortId,
        remote: IpAddr,
    ) -> Result<Option<L2tIdx>, Refused> {
        let Some(next_hop) = self.next_hop(remote) else { return Ok(None) };
        let Some(mac) = self.neighbours.known(next_hop) else { return Ok(None) };
        let member = &mut self.members[member_id.index()];
        Ok(member.acquire_hop(next_hop, port, mac)?)
    }

    /// Asks the active adapter to open a connection whose next hop is known.
    pub(crate) fn tom_connect(&mut self, now: Nanos, id: SocketId) {
        let tuple = self.sockets.get(id).map(|socket| socket.ends.tuple());
        let Some((member_id, port)) = tuple.and_then(|tuple| self.port_of(&tuple)) else {
            self.fail(id, ConnectionError::NoBuffers);
            return;
        };
        if self.is_dead(member_id) {
            // Nobody is left: until somebody is.
            return self.retry_open(id);
        }
        let Some(socket) = self.sockets.get(id) else { return };
        let FourTuple { local, remote } = socket.ends.tuple();
        let l2t = match self.l2t(member_id, port, remote.ip()) {
            Ok(Some(l2t)) => l2t,
            Ok(None) => return self.fail(id, ConnectionError::NoBuffers),
            // The control queue is full: tried again at the next poll.
            Err(_) => return self.retry_open(id),
        };
        let iss = isn::generate(&self.secret, local, remote, now);
        if self.post_act_open(member_id, port, id, l2t, iss).is_err() {
            self.members[member_id.index()].release_hop(l2t);
            self.retry_open(id);
        }
    }

    fn post_act_open(
        &mut self,
        member_id: MemberId,
        port: PortId,
        id: SocketId,
        l2t: L2tIdx,
        iss: SeqNum,
    ) -> Result<(), Refused> {
        let socket = self.sockets.get_mut(id).ok_or(Refused::RingFull)?;
        let FourTuple { local, remote } = socket.ends.tuple();
        let (IpAddr::V4(local_ip), IpAddr::V4(peer_ip)) = (local.ip(), remote.ip()) else {
            return Err(Refused::RingFull);
        };
        let congestion = code_point(socket.options.congestion, self.config.adapter_congestion);
        let ecn = self.config.ecn == EcnMode::On;
        let member = &mut self.members[member_id.index()];
        let atid = member.atids.insert(AtidUse::Connection(id)).ok_or(Refused::RingFull)?;
        let window = socket.rx.capacity();
        let told = Switches::of(&socket.options, self.config.tcp.quick_acks == 0);
        let opt0 = opt0(member, port, l2t, told, (&self.config, &socket.options, window));
        let open = ofld::ActOpen {
            atid,
            reply_to: member.iq(),
            local: SocketAddrV4::new(local_ip, local.port()),
            peer: SocketAddrV4::new(peer_ip, remote.port()),
            opt0,
            opt2: opt2(member, port, &self.config, congestion, ecn),
            iss: iss.0,
            filter_tuple: member.lcore.resources().tcp_tuple(port),
        };
        if let Err(full) = ofld::act_open(&mut member.lcore.ctrl, &open) {
            member.atids.remove(atid);
            return Err(full.into());
        }
        let place = (member_id, &*member, port, l2t);
        let opening = Offloaded::opening(self.now, place, iss, opt0, told);
        let opening = Offloaded { atid: Some(atid), cong: congestion, ..opening };
        socket.path = Path::Offload(Box::new(opening));
        let options = *socket.options;
        self.count_congestion(options);
        Ok(())
    }

    /// An active open failed, or goes on without an answer.
    pub(crate) fn on_act_open_rpl(&mut self, member_id: MemberId, rpl: &ActOpenRpl) {
        let atid = rpl.atid();
        if rpl.status().is_negative_advice() {
            self.counters.negative_advice += 1;
            if let Some(&AtidUse::Connection(id)) = self.members[member_id.index()].atids.get(atid)
            {
                self.on_negative_advice(self.now, id);
            }
            return;
        }
        let member = &mut self.members[member_id.index()];
        let status = rpl.status();
        let used = member.atids.remove(atid);
        // Said twice, it may be about a tid that is somebody's by now.
        let is_ours = matches!(used, Some(AtidUse::Connection(_) | AtidUse::Orphan(_)));
        if is_ours && status.act_open_has_tid() {
            self.release_tid(member_id, rpl.tid());
        }
        match used {
            Some(AtidUse::Connection(id)) => {
                self.offload_event(id, Event::OpenFailed);
                let error = match status {
                    Status::CONN_RESET => ConnectionError::Refused,
                    Status::CONN_TIMEDOUT => ConnectionError::TimedOut,
                    Status::ARP_MISS | Status::BAD_ROUTE => ConnectionError::Unreachable,
                    Status::CONN_EXIST | Status::CONN_EXIST_SYNRECV => ConnectionError::AddrInUse,
                    _ => ConnectionError::NoBuffers,
                };
                match error {
                    ConnectionError::Refused => self.note_end(id, Ended::Refused),
                    ConnectionError::TimedOut => {
                        self.note_end(id, Ended::TimedOut(GaveUp::Open));
                    }
                    _ => {}
                }
                self.leave_card(id);
                self.fail(id, error);
            }
            Some(AtidUse::Orphan(l2t)) => self.members[member_id.index()].release_hop(l2t),
            Some(AtidUse::Hook(_) | AtidUse::Spent) | None => self.counters.tom_unexpected += 1,
        }
    }

    /// An active open is through.
    pub(crate) fn on_act_establish(&mut self, member_id: MemberId, cpl: &ActEstablish) {
        let tid = cpl.tid();
        let member = &mut self.members[member_id.index()];
        match member.atids.remove(cpl.tos_atid().atid()) {
            Some(AtidUse::Connection(id)) => {
                if member.tids.insert(tid, TidUse::Connection(id)).is_err() {
                    self.counters.tom_unexpected += 1;
                    self.leave_card(id);
                    self.fail(id, ConnectionError::NoBuffers);
                    return;
                }
                if let Some(conn) = self.offloaded_mut(id) {
                    conn.atid = None;
                    conn.tid = tid;
                }
                let isns = (SeqNum(cpl.snd_isn()), SeqNum(cpl.rcv_isn()));
                self.on_establish(id, isns, cpl.tcp_opt());
            }
            Some(AtidUse::Orphan(l2t)) => self.abort_stranger(member_id, tid, l2t),
            Some(AtidUse::Hook(_) | AtidUse::Spent) | None => self.counters.tom_unexpected += 1,
        }
    }

    /// A SYN for one of our listeners.
    pub(crate) fn on_pass_accept_req(
        &mut self,
        now: Nanos,
        member_id: MemberId,
        cpl: &PassAcceptReq,
        frame: &[u8],
    ) {
        let tid = cpl.tid();
        match self.accept_syn(now, member_id, cpl, frame) {
            Some(Syn::Accepted) => {}
            Some(Syn::Handled) => self.reject(member_id, tid),
            None => {
                self.counters.listen_overflows += 1;
                self.reject(member_id, tid);
            }
        }
    }

    pub(super) fn reject(&mut self, member_id: MemberId, tid: Tid) {
        let opt0 = Opt0(0).with_accept(AcceptMode::REJECT);
        let reject = ofld::Accept { tid, opt0, opt2: Opt2(0), iss: 0 };
        let member = &mut self.members[member_id.index()];
        if ofld::pass_accept_rpl(&mut member.lcore.ctrl, &reject).is_err() {
            // Unanswered the card would keep the tid.
            self.counters.tom_ring_full += 1;
            self.rejects.push((member_id, tid));
            return;
        }
        // A rejected SYN still has its tid.
        self.release_tid(member_id, tid);
    }

    fn accept_syn(
        &mut self,
        now: Nanos,
        member_id: MemberId,
        cpl: &PassAcceptReq,
        frame: &[u8],
    ) -> Option<Syn> {
        let (src_mac, _) = packet::macs(frame)?;
        // By a link that is not active comes what a switch floods, or what was put back into its adapter
        // while it was: the answer would leave there.
        // So all connections begin on the active link, or on one of those that are.
        let by = (member_id, PortId((cpl.l2info().intf() % 4) as u8));
        if !self.is_open(by) {
            return None;
        }
        let Ok(Packet::Tcp(ip, bytes)) = packet::parse(frame) else { return None };
        if !self.is_unicast(ip.src) {
            self.counters.rx_bad_source += 1;
            return None;
        }
        let (segment, _) = Segment::parse(bytes).ok()?;
        let tuple = FourTuple {
            local: (ip.dst, segment.dst_port).into(),
            remote: (ip.src, segment.src_port).into(),
        };
        let listener_id = self.listener_of(member_id, cpl.tos_stid().stid(), &tuple)?;
        let listener = self.listeners.get(&listener_id)?;
        if let Some(conn) = self.lookup(&tuple).and_then(|id| self.offloaded(id)) {
            let elsewhere = conn.member != member_id;
            self.counters.syns_of_others += u64::from(elsewhere);
            return None;
        }
        if let Some(id) = self.lookup(&tuple).filter(|&id| self.is_answered_here(id)) {
            // Sent again: what the host path says to it belongs to the connection.
            self.host_input(now, id, &segment, &[]);
            return Some(Syn::Handled);
        }
        let is_taken = self.lookup(&tuple).is_some() || self.moved.lcore_of(&tuple).is_some();
        if listener.accept_queue_is_full() || is_taken {
            return None;
        }
        let full = listener.syn_queue_is_full(self.config.syn_backlog_max);
        let options = self.options_of_passive(&tuple, listener);
        let after = match self.answer_late(now, src_mac, &tuple, &segment) {
            Late::Done => return Some(Syn::Handled),
            Late::No(after) => after,
        };
        if options.path == PathChoice::Host {
            // The policy has it so. The card forgets the SYN, and gives what follows to the host.
            self.host_listen(now, (listener_id, after), src_mac, tuple, &segment, &[]);
            return Some(Syn::Handled);
        }
        // The card's TIDs are for those who answer; a cookie's ACK is opened on the host path.
        if full && after.is_none() {
            self.answer_by_cookie(now, listener_id, src_mac, tuple, &segment);
            return Some(Syn::Handled);
        }
        let iss = self.iss(now, &tuple, after);
        let hop = self.next_hop(ip.src.into())?;
        self.neighbours.learn(now, hop, src_mac, true);
        // An answer goes out by the port that the SYN came in by; one from a loopback was put there for
        // the port of the same number.
        let (_, port) = by;
        let l2t = self.l2t(member_id, port, ip.src.into()).ok().flatten()?;
        let accepted = self.post_accept(
            iss,
            (member_id, port, l2t),
            (cpl, &segment),
            listener_id,
            tuple,
            options,
        );
        if accepted.is_none() {
            self.members[member_id.index()].release_hop(l2t);
        }
        accepted.map(|()| Syn::Accepted)
    }

    /// The listener whose SYN an adapter tells of. The first of several that are alike is named, which may be another
    /// lcore's: each has one for the same address.
    fn listener_of(&self, member: MemberId, stid: Stid, tuple: &FourTuple) -> Option<ListenerId> {
        let own = self.members[member.index()].stids.get(stid).copied();
        own.or_else(|| {
            self.shard.as_ref()?;
            let offloaded = |l: &Listener| l.options.path == PathChoice::Offload;
            let same = |l: &Listener| l.takes(tuple.local) && offloaded(l);
            self.listeners.iter().find(|(_, listener)| same(listener)).map(|(&id, _)| id)
        })
    }

    fn post_accept(
        &mut self,
        iss: SeqNum,
        (member_id, port, l2t): (MemberId, PortId, L2tIdx),
        (cpl, syn): (&PassAcceptReq, &Segment),
        listener_id: ListenerId,
        tuple: FourTuple,
        options: Options,
    ) -> Option<()> {
        let tid = cpl.tid();
        let ecn = self.config.ecn != EcnMode::Off && cpl.tcpopt().ecn();
        let id = self.make_socket(tuple, options, Holder::Listener(listener_id))?;
        let congestion = code_point(options.congestion, self.config.adapter_congestion);
        let window = self.room_of(&options);
        let member = &mut self.members[member_id.index()];
        let told = Switches::of(&options, self.config.tcp.quick_acks == 0);
        let opt0 = opt0(member, port, l2t, told, (&self.config, &options, window));
        let opt0 = opt0.with_accept(AcceptMode::ACCEPT);
        let accept = ofld::Accept {
            tid,
            opt0,
            opt2: opt2(member, port, &self.config, congestion, ecn),
            iss: iss.0,
        };
        if member.tids.insert(tid, TidUse::Connection(id)).is_err() {
            self.counters.tom_unexpected += 1;
            self.forget(id);
            return None;
        }
        if ofld::pass_accept_rpl(&mut member.lcore.ctrl, &accept).is_err() {
            member.tids.remove(tid);
            self.forget(id);
            return None;
        }
        let place = (member_id, &*member, port, l2t);
        let opening = Offloaded::opening(self.now, place, iss, opt0, told);
        let (state, syn) = (State::Accepting, Some(Box::new(*syn)));
        let accepting = Offloaded { tid, state, cong: congestion, syn, ..opening };
        self.sockets.get_mut(id)?.path = Path::Offload(Box::new(accepting));
        self.by_tuple.insert(&self.sockets, id);
        if let Some(listener) = self.listeners.get_mut(&listener_id) {
            listener.opening += 1;
        }
        self.count_congestion(options);
        Some(())
    }

    /// The handshake of an accepted connection is through.
    pub(crate) fn on_pass_establish(&mut self, id: SocketId, cpl: &PassEstablish) {
        let isns = (SeqNum(cpl.snd_isn()), SeqNum(cpl.rcv_isn()));
        self.on_establish(id, isns, cpl.tcp_opt());
    }

    /// Both kinds of open end here. The ESTABLISH messages carry sequence numbers behind the SYNs.
    fn on_establish(&mut self, id: SocketId, (snd, rcv): (SeqNum, SeqNum), options: TcpOpt) {
        if !self.offload_event(id, Event::Establish) {
            return;
        }
        let Some(conn) = self.offloaded_mut(id) else { return };
        conn.iss = snd - 1;
        conn.irs = rcv - 1;
        conn.options = options;
        conn.syn = None;
        if !options.wscale_ok() {
            conn.rcv_scale = 0;
        }
        if conn.state == State::Aborting {
            return;
        }
        if self.has_defect(Defect::FlowcOnce) {
            let _ = self.post_flowc(id);
        }
        self.open_congestion_window(id);
        self.set_switches(id);
        self.grant_rest(id);
        self.apply_known_path_mtu(id);
        self.on_established(id);
        self.tell(id, Readiness::CONNECTED | Readiness::WRITABLE);
        self.want_sample(id);
        self.tom_post(id);
    }

    /// What a window begins with is more today (RFC 6928) than INITCWND has bits for. Not where the handshake took so
    /// long that a SYN, or its answer, was sent again: the card begins with less then, and so it is to.
    fn open_congestion_window(&mut self, id: SocketId) {
        let segments = self.config.adapter_initial_window.unwrap_or(0);
        let patience = self.engine.config.rto_initial;
        let Some(conn) = self.offloaded(id) else { return };
        let (tid, at) = (conn.tid, conn.member.index());
        let member = &self.members[at];
        let first = member.lcore.resources().initial_window;
        if segments <= first || self.now - conn.asked_at >= patience {
            return;
        }
        let cwnd = u64::from(segments) * u64::from(conn.payload_max(member));
        let write = SetTcbField::of(tid, field::SND_CWND, cwnd.min(field::SND_CWND.max()))
            .with_reply_ctrl(ReplyCtrl::SILENT);
        let ctrl = &mut self.members[at].lcore.ctrl;
        if ofld::set_tcb_field(Via::Control(ctrl), &write).is_err() {
            // It begins with less.
            self.counters.tom_ring_full += 1;
        }
    }

    /// Tells the firmware of the flow, if it has not been told: nothing else goes ahead of it.
    pub(crate) fn post_flowc(&mut self, id: SocketId) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        let Path::Offload(conn) = &mut socket.path else { return Ok(()) };
        // Between two owners the tid is nobody's, or somebody else's on a card that took a dead one's place.
        if conn.flow_told || conn.fence != Fence::Absent {
            return Ok(());
        }
        let member = &mut self.members[conn.member.index()];
        let flow = Flow {
            snd_nxt: conn.snd_seq(socket.tx.posted()),
            rcv_nxt: conn.rcv_seq(socket.rx.received()),
            send_buffer: socket.tx.capacity(),
            options: conn.options,
            state: tcb::State::Established,
            commits: socket.options.wants_commits(),
        };
        member.tell_flow(conn.port, conn.tid, &mut conn.credits, &flow)?;
        conn.flow_told = true;
        Ok(())
    }

    /// Gives the tid of a connection that is over back to the card.
    pub(crate) fn release_tid(&mut self, member_id: MemberId, tid: Tid) {
        let member = &mut self.members[member_id.index()];
        member.tids.remove(tid);
        if ofld::tid_release(&mut member.lcore.ctrl, tid).is_err() {
            self.releases.push((member_id, tid));
        }
    }
}

impl Offloaded {
    /// A connection that `member` is asked for with `opt0`; neither tid nor atid are known.
    pub(super) fn opening(
        now: Nanos,
        (member_id, member, port, l2t): (MemberId, &Member, PortId, L2tIdx),
        iss: SeqNum,
        opt0: Opt0,
        told: Switches,
    ) -> Self {
        Self {
            member: member_id,
            port,
            atid: None,
            tid: Tid(0),
            epoch: Epoch::default(),
            state: State::Opening,
            l2t,
            credits: TxCreditPool::new(member.lcore.resources().flowc_credits),
            iss,
            irs: SeqNum(0),
            options: TcpOpt(0),
            rcv_scale: opt0.wnd_scale() as u8,
            fin_posted: false,
            flow_told: false,
            posted_any: false,
            first_own: 0,
            unreported: 0,
            last_rx: Nanos::ZERO,
            asked_at: now,
            told,
            rhythm: Rhythm::default(),
            longest_rx: 0,
            mss_announced: announced(member, opt0),
            mtu_agreed: None,
            hold: Hold::default(),
            cong: CongAlg::NEWRENO,
            syn: None,
            ts_offset: 0,
            sample: None,
            turn: Turn::None,
            view: None,
            changing_to: None,
            granted: opt0.rcv_bufsiz() * RCV_BUFSIZ_UNIT as u64,
            tx_gate: Gate::Open,
            rx_gate: Gate::Open,
            fence: Fence::Absent,
            abort_wanted: false,
            abort_reply_owed: false,
            abort_cmd: AbortCmd::SEND_RST,
            stalled: false,
        }
    }
}

/// Options 0 of a connection of ours.
fn opt0(
    member: &Member,
    port: PortId,
    l2t: L2tIdx,
    told: Switches,
    (config, options, window): (&StackConfig, &Options, usize),
) -> Opt0 {
    let mtu = options.mss.map_or(config.mtu, |mss| config.mtu.min(mss.saturating_add(HEADERS)));
    let resources = member.lcore.resources();
    let smt = resources.port(port).map_or(SmtIdx(0), |p| p.smt);
    //= rfc9293#3.9.1.9 MUST-48
    Opt0(0)
        .with_tcam_bypass(true)
        .with_delack(told.delays_acks)
        .with_nagle(told.nagle)
        .with_keep_alive(told.keepalive)
        .with_port(port)
        .with_smac(smt)
        .with_l2t(l2t)
        .with_dscp(told.dscp.code_point().into())
        .with_mss_idx(u64::from(resources.mtu_index(mtu)))
        .with_wnd_scale(u64::from(window_scale(window_max(config, options, window as u32))))
        .with_rcv_bufsiz(initial_window(window))
}

/// The segment size that the card announces with these options.
fn announced(member: &Member, opt0: Opt0) -> u16 {
    let index = opt0.mss_idx() as usize % MTU_COUNT;
    member.lcore.resources().mtus[index].saturating_sub(HEADERS)
}

/// The code point that stands for what the application chose, if there is one.
pub(super) fn code_point(
    chosen: Option<CongestionControl>,
    code_points: [CongestionControl; 4],
) -> CongAlg {
    let found = code_points.iter().position(|&algorithm| Some(algorithm) == chosen);
    found.map_or(CongAlg::NEWRENO, |code| CongAlg(code as u8))
}

/// Options 2 of a connection of ours.
fn opt2(
    member: &Member,
    port: PortId,
    config: &StackConfig,
    congestion: CongAlg,
    ecn: bool,
) -> Opt2 {
    Opt2(0)
        .with_t5_opt_2_valid(true)
        .with_iss_valid(true)
        .with_queue(member.iq())
        .with_tx_queue(u32::from(port.0))
        .with_rx_channel(port.0 & 1 != 0)
        .with_cong(congestion)
        .with_cctrl_ecn(ecn)
        .with_rx_coalesce_valid(true)
        .with_rx_coalesce(RX_COALESCE)
        .with_wnd_scale_en(config.window_scaling)
        .with_tstamps_en(config.timestamps)
        .with_sack_en(config.sack)
}

/// The window that opt0 grants of a buffer of `capacity` bytes, in its units; the rest is added as credits.
fn initial_window(capacity: usize) -> u64 {
    ((capacity / RCV_BUFSIZ_UNIT) as u64).min(Opt0::RCV_BUFSIZ_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CongestionControl::{Cubic, HighSpeed, NewReno, Reno, Tahoe};

    #[test]
    fn an_adapter_is_asked_for_what_was_chosen_if_it_has_it() {
        let t5 = [Reno, Tahoe, NewReno, HighSpeed];
        assert_eq!(code_point(None, t5), CongAlg::NEWRENO);
        assert_eq!(code_point(Some(Reno), t5), CongAlg::RENO);
        assert_eq!(code_point(Some(Tahoe), t5), CongAlg::TAHOE);
        assert_eq!(code_point(Some(NewReno), t5), CongAlg::NEWRENO);
        assert_eq!(code_point(Some(HighSpeed), t5), CongAlg::HIGHSPEED);
        assert_eq!(code_point(Some(Cubic), t5), CongAlg::NEWRENO);
        assert_eq!(code_point(Some(Cubic), [Reno, Cubic, NewReno, HighSpeed]), CongAlg(1));
    }
}
