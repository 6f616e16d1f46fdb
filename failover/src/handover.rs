//! The handover: one connection after the other, many at a time, gets a new owner.
//!
//! ```text
//!  OnA ─► Tunnelled ─► Suspended ─► Held ─► Gated ─► Fenced ─► Uploading ─► OnB
//!             ▲            │          │        │        │
//!             └────────────┴──────────┴────────┘        └─ the point of no return
//!               undone, tried again after a pause
//! ```
//!
//! *Suspended*: new payload waits in the socket; the 4-tuple is a filter on the new adapter; the peer
//! acknowledges what is under way. *Held*: frames of the peer wait in the host while a marker flushes
//! those that were put into the old adapter. *Gated*: whatever the old adapter still says is dropped,
//! its TCB is read. *Fenced*: the old TCB is aborted without a word. *Uploading*: the new TCB is written.

use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Then, TxCreditPool, Via};
use mafo_stack::tom::state::State;
use mafo_stack::tom::{AtidUse, Place, TidUse};
use mafo_stack::{Core, MemberId, SocketId};
use mafo_t4::cpl::{
    AbortCmd, AbortReq, ActOpenRpl, Fw4Ack, GetTcbRpl, ReplyCtrl, SetTcbField, SetTcbRpl, Status,
};
use mafo_t4::opt::{CongAlg, Opt0, Opt2};
use mafo_t4::tcb::Tcb;
use mafo_t4::wr::Mnem;
use mafo_t4::{L2tIdx, PortId, Tid};
use mafo_tcp::SeqNum;

use crate::ask::{ask_for_answer, card_clock, post_fence};
use crate::bond::{Bond, BondEvent, LinkId};
use crate::snoop::{LetIn, LetOut};
use crate::upload::{self, NotNow, Target, Upload, WRITES_PER_WR};

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its frames cross the host.
    Tunnelled,
    /// Nothing new is posted; what is under way drains.
    Suspended,
    /// Frames of the peer are held; a marker is on its way through the old adapter.
    Held,
    /// The old adapter is no longer heard; its TCB is being read.
    Gated,
    /// The old TCB is being aborted.
    Fenced,
    /// The new TCB is being written.
    Uploading,
    /// It changes the port of its adapter.
    Rechannelling,
}

/// The filter on the new adapter that becomes the connection.
#[derive(Debug)]
struct Filter {
    to: LinkId,
    tid: Tid,
    l2t: L2tIdx,
    credits: TxCreditPool,
    /// The firmware has been told of the flow.
    flow_told: bool,
}

/// A connection that lives elsewhere than on the active link.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) stage: Stage,
    /// Where the connection lives.
    pub(crate) home: LinkId,
    /// When something is to be done, at the latest.
    pub(crate) wake_up: Nanos,
    pause: Nanos,
    /// Questions asked again in this stage.
    asked: u8,
    filter: Option<Filter>,
    /// A filter was asked for and has not been answered.
    filter_asked: Option<LinkId>,
    /// Behind the last work request there is one that is answered.
    answer_asked: bool,
    /// What the peer had acknowledged when the drain was last looked at.
    drained_to: Option<SeqNum>,
    plan: Option<Upload>,
    /// What the peer was told since the connection is tunnelled.
    pub(crate) let_out: LetOut,
    /// What the peer said.
    pub(crate) let_in: LetIn,
    pub(crate) held: VecDeque<Vec<u8>>,
    /// Since when its frames cross the host.
    since: Nanos,
}

/// Connections whose old adapter is being flushed.
#[derive(Debug)]
pub(crate) struct Batch {
    number: u64,
    member: MemberId,
    port: PortId,
    deadline: Nanos,
}

/// Why an attempt is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    /// It took too long, or the card refused: later.
    Later,
    /// Another link is active now: at once.
    Elsewhere,
}

/// How long the peer's answer to the first frames through the tunnel is waited for.
const ANSWER_TIME: Nanos = Nanos::from_millis(20);
/// Pause before a TCB that the card refused is written again.
const UPLOAD_AGAIN: Nanos = Nanos::from_millis(1);
/// Questions to a card before it is given up.
const ASKS_MAX: u8 = 5;

impl Move {
    pub(crate) fn new(now: Nanos, home: LinkId, pause: Nanos) -> Self {
        Self {
            stage: Stage::Tunnelled,
            home,
            wake_up: now,
            pause,
            asked: 0,
            filter: None,
            filter_asked: None,
            answer_asked: false,
            drained_to: None,
            plan: None,
            let_out: LetOut::default(),
            let_in: LetIn::default(),
            held: VecDeque::new(),
            since: now,
        }
    }

    /// Whether frames of the peer are kept.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.stage, Stage::Held | Stage::Gated | Stage::Fenced | Stage::Uploading)
    }

    /// Whether the peer may still be about to answer what the connection was made to say when it went
    /// into the tunnel. Its answer is worth waiting for: it repairs what the dead link swallowed, where
    /// a connection with gaps could not move.
    fn is_fresh(&self, now: Nanos) -> bool {
        self.let_in.seq_end.is_none() && now - self.since < ANSWER_TIME
    }

    /// When there is something to do without an answer coming in.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        match self.stage {
            Stage::Tunnelled if self.let_in.seq_end.is_none() => {
                Some(self.wake_up.max(self.since + ANSWER_TIME))
            }
            Stage::Fenced | Stage::Rechannelling => None,
            _ => Some(self.wake_up),
        }
    }

    /// Whether the old owner is no longer heard.
    pub(crate) fn is_gated(&self) -> bool {
        matches!(self.stage, Stage::Gated | Stage::Fenced | Stage::Uploading)
    }

    /// Whether the old owner may have been silenced: there is no way back to it.
    fn is_past_return(&self) -> bool {
        matches!(self.stage, Stage::Fenced | Stage::Uploading)
    }
}

impl Bond {
    /// Moves every move on.
    pub(crate) fn poll_moves(&mut self, now: Nanos, core: &mut Core) {
        let ids: Vec<SocketId> = self.moves.keys().copied().collect();
        for id in ids {
            self.poll_move(now, core, id);
        }
        self.cut_over(now, core);
    }

    fn poll_move(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(active) = self.active else { return };
        let alive = core.offloaded(id).map(|conn| conn.state);
        let Some(state) = alive else {
            // It ended: by its peer, by its application, in good order or not.
            self.jumps.remove(&id);
            self.abandon(core, id);
            return;
        };
        let Some(moving) = self.moves.get_mut(&id) else { return };
        if moving.is_past_return() {
            if moving.stage == Stage::Uploading && now >= moving.wake_up && self.upload_enabled {
                self.upload(now, core, id);
            }
            return;
        }
        if moving.home == active && moving.stage != Stage::Rechannelling {
            // Its own link is active again: nothing has to move.
            self.undo(now, core, id, Undo::Elsewhere);
            self.finish(now, id, false);
            return;
        }
        let stale = moving.filter.as_ref().is_some_and(|f| f.to != active);
        if stale && moving.stage != Stage::Tunnelled {
            self.undo(now, core, id, Undo::Elsewhere);
            return;
        }
        if now < moving.wake_up && moving.stage != Stage::Suspended {
            return;
        }
        match moving.stage {
            Stage::Tunnelled if moving.home.member != active.member && moving.is_fresh(now) => {}
            Stage::Tunnelled if Self::is_movable(state) && state != State::Aborting => {
                if moving.home.member == active.member {
                    self.rechannel(now, core, id, active.port);
                } else {
                    self.suspend(now, core, id, active);
                }
            }
            Stage::Tunnelled => moving.wake_up = now + self.config.retry_min,
            Stage::Suspended if state == State::Aborting => self.undo(now, core, id, Undo::Later),
            Stage::Suspended if now >= moving.wake_up => {
                // While the peer acknowledges, its application gets bytes and ours has only to wait: no
                // reason to begin anew with another buffer full.
                let una = core.progress(id).map(|p| p.snd_una);
                if una != std::mem::replace(&mut moving.drained_to, una) {
                    moving.wake_up = now + self.config.drain_deadline;
                } else {
                    self.undo(now, core, id, Undo::Later);
                }
            }
            Stage::Gated if moving.asked < ASKS_MAX => self.read_tcb(now, core, id),
            Stage::Held | Stage::Gated => self.undo(now, core, id, Undo::Later),
            Stage::Suspended if !moving.answer_asked => {
                moving.answer_asked = ask_for_answer(core, id);
            }
            Stage::Suspended | Stage::Fenced | Stage::Uploading | Stage::Rechannelling => {}
        }
    }

    /// Moves a connection to another port of the same adapter. Its next hop leads there already.
    fn rechannel(&mut self, now: Nanos, core: &mut Core, id: SocketId, to: PortId) {
        let changed = core.change_channel(id, to).is_ok();
        let Some(moving) = self.moves.get_mut(&id) else { return };
        if changed {
            moving.stage = Stage::Rechannelling;
            self.log(now, BondEvent::Suspended(id));
        } else {
            moving.wake_up = now + self.config.retry_min;
        }
    }

    /// Nothing new is posted; the new adapter is asked for a filter of the 4-tuple.
    fn suspend(&mut self, now: Nanos, core: &mut Core, id: SocketId, to: LinkId) {
        let running = self.moves.values().filter(|m| m.stage != Stage::Tunnelled).count();
        if running >= self.config.moves_max {
            return;
        }
        core.suspend(id);
        let asked = self.ask_filter(now, core, id, to);
        let answer_asked = ask_for_answer(core, id);
        let deadline = now + self.config.drain_deadline;
        let drained_to = core.progress(id).map(|p| p.snd_una);
        let Some(moving) = self.moves.get_mut(&id) else { return };
        moving.stage = Stage::Suspended;
        moving.wake_up = deadline;
        moving.drained_to = drained_to;
        moving.answer_asked = answer_asked;
        if asked {
            moving.filter_asked = Some(to);
            self.log(now, BondEvent::Suspended(id));
        } else {
            self.undo(now, core, id, Undo::Later);
        }
    }

    /// Opens the 4-tuple on the new adapter as NON_OFFLOAD: a TCB that TP leaves alone.
    fn ask_filter(&mut self, now: Nanos, core: &mut Core, id: SocketId, to: LinkId) -> bool {
        let Some(tuple) = core.tuple(id) else { return false };
        let Some((next_hop, mac)) = core.hop_towards(now, tuple.remote.ip()) else {
            self.counters.no_next_hop += 1;
            return false;
        };
        let (std::net::SocketAddr::V4(local), std::net::SocketAddr::V4(peer)) =
            (tuple.local, tuple.remote)
        else {
            return false;
        };
        let Some(scale) = core.offloaded(id).map(|conn| conn.rcv_scale) else { return false };
        let mtu = core.mtu();
        let Some(member) = core.member_mut(to.member) else { return false };
        let Ok(Some(l2t)) = member.acquire_hop(next_hop, to.port, mac) else {
            self.counters.ring_full += 1;
            return false;
        };
        let Some(atid) = member.atids.insert(AtidUse::Hook(id)) else {
            member.release_hop(l2t);
            return false;
        };
        let resources = member.lcore.resources();
        let Some(smt) = resources.port(to.port).map(|p| p.smt) else { return false };
        // While NON_OFFLOAD is set, flags of TCP would be actions of a filter: only these are given.
        let opt0 = Opt0(0)
            .with_tcam_bypass(true)
            .with_non_offload(true)
            .with_no_cong(true)
            .with_smac(smt)
            .with_l2t(l2t)
            .with_port(to.port)
            .with_mss_idx(u64::from(resources.mtu_index(mtu)))
            .with_wnd_scale(u64::from(scale));
        let opt2 =
            Opt2(0).with_t5_opt_2_valid(true).with_queue(member.iq()).with_cong(CongAlg::NEWRENO);
        let open = ofld::ActOpen {
            atid,
            reply_to: member.iq(),
            local,
            peer,
            opt0,
            opt2,
            iss: 0,
            filter_tuple: resources.tcp_tuple(to.port),
        };
        if ofld::act_open(&mut member.lcore.ctrl, &open).is_err() {
            self.counters.ring_full += 1;
            member.atids.remove(atid);
            member.release_hop(l2t);
            return false;
        }
        if let Some(moving) = self.moves.get_mut(&id) {
            let credits = TxCreditPool::new(member.lcore.resources().flowc_credits);
            moving.filter = Some(Filter { to, tid: Tid(u32::MAX), l2t, credits, flow_told: false });
        }
        true
    }

    /// The new adapter has the filter, or not.
    pub(crate) fn on_filtered(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &ActOpenRpl,
    ) {
        let Some(member) = core.member_mut(member_id) else { return };
        let Some(AtidUse::Hook(id)) = member.atids.remove(reply.atid()) else {
            self.counters.unexpected += 1;
            return;
        };
        let tid = reply.tid();
        let status = reply.status();
        let moving = self
            .moves
            .get_mut(&id)
            .filter(|m| m.filter_asked.is_some_and(|to| to.member == member_id));
        let Some(moving) = moving else {
            // Nobody waits for it any more; its next hop went into the account of strays.
            self.strays_answered(core, member_id, tid, status);
            return;
        };
        moving.filter_asked = None;
        if status != Status::NONE {
            if let Some(filter) = moving.filter.take() {
                member.release_hop(filter.l2t);
            }
            self.undo(now, core, id, Undo::Later);
            return;
        }
        if member.tids.insert(tid, TidUse::Hook(id)).is_err() {
            self.counters.unexpected += 1;
            return;
        }
        if let Some(filter) = &mut moving.filter {
            filter.tid = tid;
        }
    }

    fn strays_answered(&mut self, core: &mut Core, member_id: MemberId, tid: Tid, status: Status) {
        let Some(at) = self.strays.iter().position(|stray| stray.member == member_id) else {
            self.counters.unexpected += 1;
            return;
        };
        let stray = self.strays.swap_remove(at);
        if status == Status::NONE {
            self.close_filter(core, member_id, tid, stray.l2t);
        } else if let Some(member) = core.member_mut(member_id) {
            member.release_hop(stray.l2t);
        }
    }

    /// Takes all connections that are ready for it to the marker, a batch at a time.
    fn cut_over(&mut self, now: Nanos, core: &mut Core) {
        if let Some(batch) = &self.batch {
            if now < batch.deadline {
                return;
            }
            // The marker is lost: the connections of the batch run into their own deadlines.
            self.batch = None;
        }
        let ready: Vec<(SocketId, LinkId)> = self
            .moves
            .iter()
            .filter(|(id, m)| {
                m.stage == Stage::Suspended
                    && m.filter_asked.is_none()
                    && m.filter.is_some()
                    && core.progress(**id).is_some_and(|p| p.is_drained())
                    && core.offloaded(**id).is_some_and(|conn| settled(conn.state))
            })
            .map(|(&id, m)| (id, m.home))
            .collect();
        let Some(&(_, home)) = ready.first() else { return };
        self.batches += 1;
        let number = self.batches;
        if !self.send_marker(core, home.member, home.port, number) {
            self.counters.tx_full += 1;
            return;
        }
        let deadline = now + self.config.reply_deadline;
        self.batch = Some(Batch { number, member: home.member, port: home.port, deadline });
        for (id, _) in ready.into_iter().filter(|(_, h)| *h == home) {
            if let Some(moving) = self.moves.get_mut(&id) {
                moving.stage = Stage::Held;
                moving.wake_up = deadline;
                moving.asked = 0;
            }
            // The TCB that is read next has to know of all credits that were ever returned.
            core.withhold_credits(id);
        }
    }

    /// The marker is back: all that was injected before it has been through the old adapter.
    pub(crate) fn on_flushed(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        number: u64,
    ) {
        let Some(batch) = self.batch.take_if(|b| b.number == number && b.member == member) else {
            self.counters.unexpected += 1;
            return;
        };
        let ids: Vec<SocketId> = self
            .moves
            .iter()
            .filter(|(_, m)| m.stage == Stage::Held)
            .filter(|(_, m)| (m.home.member, m.home.port) == (batch.member, batch.port))
            .map(|(&id, _)| id)
            .collect();
        for id in ids {
            if let Some(moving) = self.moves.get_mut(&id) {
                moving.stage = Stage::Gated;
            }
            self.read_tcb(now, core, id);
        }
    }

    fn read_tcb(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(conn) = core.offloaded(id) else { return };
        let (member_id, tid) = (conn.member, conn.tid);
        let Some(member) = core.member_mut(member_id) else { return };
        let iq = member.iq();
        if ofld::get_tcb(&mut member.lcore.ctrl, tid, iq, 0).is_err() {
            self.counters.ring_full += 1;
        }
        if let Some(moving) = self.moves.get_mut(&id) {
            moving.asked += 1;
            moving.wake_up = now + self.config.reply_deadline;
        }
    }

    /// The old adapter's TCB. It comes behind all that the adapter had delivered before.
    pub(crate) fn on_get_tcb_rpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &GetTcbRpl,
    ) {
        let owner = core.member(member_id).and_then(|m| m.tids.get(reply.tid()).copied());
        let Some(TidUse::Connection(id)) = owner else {
            self.counters.unexpected += 1;
            return;
        };
        if self.moves.get(&id).is_none_or(|m| m.stage != Stage::Gated) {
            // A question that was asked twice is answered twice.
            return;
        }
        match self.plan(core, id, &reply.tcb()) {
            Ok(plan) => {
                if let Some(moving) = self.moves.get_mut(&id) {
                    moving.plan = Some(plan);
                }
                self.fence(now, core, id);
            }
            Err(_) => self.undo(now, core, id, Undo::Later),
        }
    }

    fn plan(&self, core: &Core, id: SocketId, image: &Tcb) -> Result<Upload, NotNow> {
        let (Some(moving), Some(progress)) = (self.moves.get(&id), core.progress(id)) else {
            return Err(NotNow::State(image.state()));
        };
        let Some(filter) = &moving.filter else { return Err(NotNow::State(image.state())) };
        if SeqNum(image.rcv_nxt()) != progress.rcv_nxt {
            return Err(NotNow::Undelivered);
        }
        let clock = |member: MemberId| core.member(member).map(card_clock);
        let (Some(old), Some(new)) = (clock(moving.home.member), clock(filter.to.member)) else {
            return Err(NotNow::State(image.state()));
        };
        let target = Target { clock: new, port: filter.to.port };
        // All that the present owner sent has been acknowledged: the peer took its timestamps.
        let proved = core.offloaded(id).is_some_and(|conn| conn.posted_any);
        let jumped = if proved { 0 } else { self.jumps.get(&id).copied().unwrap_or(0) };
        let mut plan = upload::plan(image, &moving.let_out, old, &target, jumped)?;
        plan.ts_jump += jumped;
        Ok(plan)
    }

    /// Silences the old owner: from here there is no way back to it.
    fn fence(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if !post_fence(core, id) {
            self.counters.ring_full += 1;
            self.undo(now, core, id, Undo::Later);
            return;
        }
        if let Some(moving) = self.moves.get_mut(&id) {
            moving.stage = Stage::Fenced;
        }
    }

    /// The old owner is silenced, and its last word has been heard.
    pub(crate) fn on_fence_reply(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(conn) = core.offloaded(id) else { return };
        core.let_go(conn.member, conn.tid, conn.l2t);
        if self.upload_enabled {
            self.upload(now, core, id);
        }
        if let Some(moving) = self.moves.get_mut(&id) {
            moving.stage = Stage::Uploading;
        }
    }

    /// Writes the connection into its TCB on the new adapter; again, if there was no room.
    fn upload(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let (Some(moving), Some(progress)) = (self.moves.get_mut(&id), core.progress(id)) else {
            return;
        };
        moving.wake_up = now + self.config.reply_deadline;
        let Some(conn) = core.offloaded(id) else { return };
        let (options, state) = (conn.options, conn.state);
        let (Some(filter), Some(plan)) = (&mut moving.filter, &moving.plan) else { return };
        let send_buffer = core.send_capacity(id);
        let Some(member) = core.member_mut(filter.to.member) else { return };
        let iq = member.iq();
        let resources = member.lcore.resources().clone();
        let channel = u32::from(filter.to.port.0);
        let params = [
            (Mnem::PFNVFN, u32::from(resources.pf) << 8),
            (Mnem::CH, channel),
            (Mnem::PORT, channel),
            (Mnem::IQID, u32::from(iq.0)),
            (Mnem::SNDNXT, progress.snd_end.0),
            (Mnem::RCVNXT, progress.rcv_nxt.0),
            (Mnem::SNDBUF, send_buffer as u32),
            (Mnem::MSS, u32::from(resources.mtus[usize::from(options.mss())])),
            (Mnem::TCPSTATE, tcp_state(state) as u32),
            (Mnem::RCV_SCALE, u32::from(options.snd_wscale())),
        ];
        let count = if options.wscale_ok() { params.len() } else { params.len() - 1 };
        let fields: Vec<SetTcbField> = plan
            .writes
            .iter()
            .enumerate()
            .map(|(n, w)| {
                let last = n + 1 == plan.writes.len();
                let reply = if last { ReplyCtrl::to(iq) } else { ReplyCtrl::SILENT };
                SetTcbField::at(filter.tid, w.word, w.mask, w.value).with_reply_ctrl(reply)
            })
            .collect();
        let Some(eq) = member.ofld(filter.to.port) else { return };
        let tid = filter.tid;
        let pool = &mut filter.credits;
        let mut posted = Ok(());
        if !filter.flow_told {
            posted = ofld::flowc(eq, pool, tid, &params[..count], Then::More);
            filter.flow_told = posted.is_ok();
        }
        let (first, second) = fields.split_at(fields.len().min(WRITES_PER_WR));
        for batch in [first, second] {
            if posted.is_ok() && !batch.is_empty() {
                posted = ofld::tcb_batch(Via::Offload(eq, pool, Then::Idle), tid, batch);
            }
        }
        if posted.is_err() {
            self.counters.ring_full += 1;
        }
    }

    /// Work requests on a new tid are done with.
    pub(crate) fn on_new_tid_ack(&mut self, core: &mut Core, member: MemberId, ack: &Fw4Ack) {
        let owner = core.member(member).and_then(|m| m.tids.get(ack.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else { return };
        let filter = self.moves.get_mut(&id).and_then(|m| m.filter.as_mut());
        if filter.is_none_or(|f| f.credits.give_back(ack.credits()).is_err()) {
            self.counters.unexpected += 1;
        }
    }

    /// A TCB is written: if it was the last write of an upload, the connection lives on the new adapter.
    pub(crate) fn on_set_tcb_rpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &SetTcbRpl,
    ) {
        let owner = core.member(member_id).and_then(|m| m.tids.get(reply.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else {
            self.counters.unexpected += 1;
            return;
        };
        let Some(moving) = self.moves.get_mut(&id) else { return };
        if moving.stage != Stage::Uploading {
            return;
        }
        if reply.status() != Status::NONE {
            // There is no way back: written again, in the hope that the card takes it then.
            self.counters.uploads_refused += 1;
            moving.wake_up = now + UPLOAD_AGAIN;
            return;
        }
        let Some(filter) = moving.filter.take() else { return };
        let jump = moving.plan.as_ref().map_or(0, |plan| plan.ts_jump);
        self.jumps.insert(id, jump);
        let Filter { to, tid, l2t, credits, .. } = filter;
        let place = Place { member: to.member, port: to.port, tid, l2t, credits };
        if core.rebind(id, place).is_err() {
            self.counters.unexpected += 1;
        }
        self.release_held(core, id);
        core.resume(id);
        self.counters.moved += 1;
        self.log(now, BondEvent::Moved(id));
        self.finish(now, id, true);
        if Some(to) != self.active
            && let Some(conn) = core.offloaded(id)
        {
            // Another link became active meanwhile.
            let home = LinkId { member: conn.member, port: conn.port };
            self.moves.insert(id, Move::new(now, home, self.config.retry_min));
        }
    }

    fn finish(&mut self, now: Nanos, id: SocketId, moved: bool) {
        self.moves.remove(&id);
        if self.moves.is_empty() && moved {
            self.log(now, BondEvent::AllMoved);
        }
    }

    /// Takes an attempt back: the old adapter goes on as if nothing had been.
    fn undo(&mut self, now: Nanos, core: &mut Core, id: SocketId, why: Undo) {
        self.drop_filter(core, id);
        self.release_held(core, id);
        let Some(moving) = self.moves.get_mut(&id) else { return };
        if moving.stage != Stage::Tunnelled {
            self.counters.attempts_undone += 1;
        }
        moving.stage = Stage::Tunnelled;
        moving.plan = None;
        moving.asked = 0;
        moving.wake_up = match why {
            Undo::Later => now + moving.pause,
            Undo::Elsewhere => now,
        };
        if why == Undo::Later {
            moving.pause = (moving.pause + moving.pause).min(self.config.retry_max);
        }
        core.resume(id);
    }

    /// The connection is gone.
    fn abandon(&mut self, core: &mut Core, id: SocketId) {
        self.drop_filter(core, id);
        if self.moves.remove(&id).is_some() {
            self.counters.ended_in_move += 1;
        }
    }

    fn drop_filter(&mut self, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.get_mut(&id) else { return };
        let Some(filter) = moving.filter.take() else { return };
        let asked = moving.filter_asked.take();
        let (member_id, l2t) = (filter.to.member, filter.l2t);
        if asked.is_some() {
            // The answer is still to come, and with it the tid to be closed.
            self.strays.push(Stray { member: member_id, l2t });
        } else {
            self.close_filter(core, member_id, filter.tid, l2t);
        }
    }

    /// Ends a NON_OFFLOAD TCB; the answer to the abort releases its tid and next hop.
    fn close_filter(&mut self, core: &mut Core, member_id: MemberId, tid: Tid, l2t: L2tIdx) {
        core.orphan_or_enter(member_id, tid, l2t);
        let Some(member) = core.member_mut(member_id) else { return };
        let abort = AbortReq::new(tid).with_cmd(AbortCmd::NO_RST).with_no_tx_data(1);
        if ofld::control(&mut member.lcore.ctrl, tid, &abort).is_err() {
            self.counters.ring_full += 1;
        }
    }
}

/// An open on a new adapter that nobody waits for any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stray {
    member: MemberId,
    l2t: L2tIdx,
}

/// Whether a connection's state moves: not one whose FIN is on its way, that is drained first.
fn settled(state: State) -> bool {
    matches!(state, State::Established | State::CloseWait | State::FinWait2)
}

/// The same state in a FLOWC.
fn tcp_state(state: State) -> mafo_t4::tcb::State {
    match state {
        State::CloseWait => mafo_t4::tcb::State::CloseWait,
        State::FinWait2 => mafo_t4::tcb::State::FinWait2,
        _ => mafo_t4::tcb::State::Established,
    }
}
