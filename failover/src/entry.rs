//! The entry on a new adapter: a NON_OFFLOAD TCB of the connection's 4-tuple. Until it is made the
//! connection it works as a filter that takes the peer's frames to the host.

use std::net::SocketAddr;

use mafo_mem::{Full, Nanos};
use mafo_pmd::eth::TxTo;
use mafo_pmd::ofld::{self, Refused, TxCreditPool};
use mafo_pmd::question::Question;
use mafo_stack::tom::{AtidUse, Place, Reposted, TidUse};
use mafo_stack::{Core, FourTuple, MemberId, SocketId, packet};
use mafo_t4::cpl::{AbortCmd, AbortReq, ActOpenRpl, Status};
use mafo_t4::opt::{CongAlg, Opt0, Opt2};
use mafo_t4::{Atid, L2tIdx, PortId, Tid};
use mafo_tcp::{Flags, Segment};

use crate::bond::{Bond, LinkId};
use crate::handover::{Move, Undo};
use crate::mac::own_mac;
use crate::stage::Stage;
use crate::tunnel::send;
use crate::upload::Upload;

/// The filter on the new adapter that becomes the connection.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its open, with a handle of its own.
    pub(crate) open: ofld::ActOpen,
    /// The card has it and did not tell its tid, or not so that it was heard: it is [searched](Bond::search) for.
    pub(crate) is_made: bool,
    /// Where it is; the tid is known when the card has answered.
    pub(crate) place: Place,
    /// Whether the writes that make it the connection are with the card.
    pub(crate) written: Written,
    /// What these are.
    pub(crate) plan: Option<Upload>,
    /// How much of the payload that the peer has not acknowledged is with the card.
    pub(crate) reposted: Reposted,
    /// Segments that the old owner held beyond a gap for which its queue had no room: the last ones.
    pub(crate) unreplayed: usize,
}

impl Entry {
    /// The link that it is on.
    pub(crate) fn to(&self) -> LinkId {
        LinkId { member: self.place.member, port: self.place.port }
    }
}

/// How far an upload has come. What finds no room in a ring, or no credits, is posted later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing is posted.
    Nothing,
    /// The firmware has been told of the flow, and so many writes are posted.
    Fields(usize),
    /// The image is written; payload that the peer has not acknowledged is being posted behind it.
    Image,
    /// The card has been asked whether it has all of that payload.
    EndAsked,
    /// It has; the last writes found no room.
    EndKnown,
    /// All are posted: the reply to the last one comes.
    All,
}

/// Why a card was not asked for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEntry {
    /// There is no room in a ring, or for another open: soon.
    Room,
    /// It cannot be had there now.
    Unfit,
}

/// An open on a new adapter that nobody waits for any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stray {
    pub(crate) member: MemberId,
    port: PortId,
    open: ofld::ActOpen,
    is_made: bool,
    l2t: L2tIdx,
    question: Question,
}

/// The handle of an open that was asked for twice, for as long as a second answer may come, and the next hop of an entry
/// that it may still be about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    until: Nanos,
    pub(crate) member: MemberId,
    atid: Atid,
    l2t: Option<L2tIdx>,
}

/// Whether a segment is one by which an entry is searched for.
pub(crate) fn is_search(segment: &Segment) -> bool {
    *segment == Segment { src_port: segment.src_port, dst_port: segment.dst_port, ..search() }
}

/// Nobody else says this: of neither number of a connection is anything known.
fn search() -> Segment {
    Segment { flags: Flags::ACK, ..Segment::default() }
}

/// Longer than an answer is late.
const SPENT: Nanos = Nanos::from_secs(1);

impl Bond {
    /// Opens the 4-tuple on the new adapter as NON_OFFLOAD: a TCB that TP leaves alone.
    pub(crate) fn ask_entry(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        to: LinkId,
    ) -> Result<(), NoEntry> {
        let tuple = core.tuple(id).ok_or(NoEntry::Unfit)?;
        let Some((next_hop, mac)) = core.hop_towards(now, tuple.remote.ip()) else {
            self.counters.no_next_hop += 1;
            return Err(NoEntry::Unfit);
        };
        let (SocketAddr::V4(local), SocketAddr::V4(peer)) = (tuple.local, tuple.remote) else {
            return Err(NoEntry::Unfit);
        };
        // What was agreed on, which may be less than the link carries.
        let agreed = match core.offloaded(id) {
            Some(conn) => core.mss_index_on(id, to.member).map(|mss| (mss, conn.rcv_scale)),
            None => core.sheltered(id, to.member),
        };
        let (mss_idx, scale) = agreed.ok_or(NoEntry::Unfit)?;
        let is_same = |stray: &Stray| {
            stray.member == to.member && (stray.open.local, stray.open.peer) == (local, peer)
        };
        if self.strays.iter().any(is_same) {
            // The card has one already, or will have, that is to be ended first.
            return Err(NoEntry::Unfit);
        }
        let member = core.member_mut(to.member).ok_or(NoEntry::Unfit)?;
        let smt = member.lcore.resources().port(to.port).map(|p| p.smt).ok_or(NoEntry::Unfit)?;
        let l2t = match member.acquire_hop(next_hop, to.port, mac) {
            Ok(Some(l2t)) => l2t,
            Ok(None) => return Err(NoEntry::Unfit),
            Err(Full) => {
                self.counters.ring_full += 1;
                return Err(NoEntry::Room);
            }
        };
        let Some(atid) = member.atids.insert(AtidUse::Hook(id)) else {
            member.release_hop(l2t);
            return Err(NoEntry::Room);
        };
        let resources = member.lcore.resources();
        // While NON_OFFLOAD is set, flags of TCP would be actions of a filter: only these are given.
        let opt0 = Opt0(0)
            .with_tcam_bypass(true)
            .with_non_offload(true)
            .with_no_cong(true)
            .with_smac(smt)
            .with_l2t(l2t)
            .with_port(to.port)
            .with_mss_idx(u64::from(mss_idx))
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
            return Err(NoEntry::Room);
        }
        if let Some(moving) = self.moves.get_mut(id) {
            moving.entry_asked = Some(to);
            moving.question = Some(Question::new(now, self.config.reply_deadline));
            let credits = TxCreditPool::new(member.lcore.resources().flowc_credits);
            let LinkId { member, port } = to;
            let tid = Tid(u32::MAX);
            let place = Place { member, port, tid, l2t, credits, ts_offset: 0, mss_idx };
            let (written, reposted) = (Written::Nothing, Reposted::default());
            let (is_made, plan) = (false, None);
            moving.entry =
                Some(Entry { open, is_made, place, written, plan, reposted, unreplayed: 0 });
        }
        Ok(())
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
        let id = match member.atids.get(reply.atid()) {
            Some(&AtidUse::Hook(id)) => id,
            Some(AtidUse::Spent) => return self.on_spent(core, member_id, reply),
            _ => return self.counters.unexpected += 1,
        };
        let status = reply.status();
        if status == Status::NONE && member.tids.get(reply.tid()).is_some() {
            // Said twice, of an entry that had the same handle: this one's answer is still to come.
            return self.counters.unexpected += 1;
        }
        // Asked before for the same connection, on another port of the adapter, it is nobody's now.
        let is_asked_for =
            |entry: &Entry| entry.place.member == member_id && entry.open.atid == reply.atid();
        let moving = self
            .moves
            .get_mut(id)
            .filter(|m| m.entry_asked.is_some() && m.entry.as_ref().is_some_and(is_asked_for));
        let Some(moving) = moving else {
            // Nobody waits for it any more; its next hop went into the account of strays.
            self.on_stray(now, core, member_id, reply);
            return;
        };
        let times = moving.question.map_or(1, |question| question.times());
        if status != Status::NONE && times > 1 {
            // The answer to the first question was not heard: it may have made one.
            if let Some(entry) = &mut moving.entry {
                entry.is_made = true;
            }
            // The last question may make one, too, which a search that overtakes it would not find.
            moving.question = moving.question.map(|asked| Question::in_another_way(asked.due()));
            return;
        }
        let tid = (status == Status::NONE).then(|| reply.tid());
        self.settle_entry(now, core, id, tid);
    }

    /// What became of the open of an entry is known: its tid, or none.
    fn settle_entry(&mut self, now: Nanos, core: &mut Core, id: SocketId, tid: Option<Tid>) {
        let Some(moving) = self.moves.get_mut(id) else { return };
        let Some(entry) = &mut moving.entry else { return };
        let (member_id, atid, l2t) = (entry.place.member, entry.open.atid, entry.place.l2t);
        let times = moving.question.take().map_or(1, |question| question.times());
        moving.entry_asked = None;
        let Some(tid) = tid else {
            moving.entry = None;
            let (stage, is_past_return) = (moving.stage, moving.is_past_return());
            self.free_atid(now, core, (member_id, atid), times, Some(l2t));
            if stage == Stage::Sheltered {
                self.put_off_departure(now, id);
            } else if is_past_return {
                self.next_owner(now, core, id);
            } else {
                self.undo(now, core, id, Undo::Later);
            }
            return;
        };
        entry.place.tid = tid;
        let is_owned = moving.stage != Stage::Uploading;
        self.free_atid(now, core, (member_id, atid), times, None);
        let Some(member) = core.member_mut(member_id) else { return };
        if member.tids.insert(tid, TidUse::Hook(id)).is_err() {
            self.counters.unexpected += 1;
            return;
        }
        if !is_owned {
            self.find_owner(now, core, id);
        }
    }

    /// The handle of an open is free, when no second answer can come. `l2t` was for an entry that was not made.
    fn free_atid(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (member_id, atid): (MemberId, Atid),
        times: u32,
        l2t: Option<L2tIdx>,
    ) {
        let Some(member) = core.member_mut(member_id) else { return };
        if times > 1 {
            if let Some(used) = member.atids.get_mut(atid) {
                *used = AtidUse::Spent;
            }
            self.spent.push_back(Spent { until: now + SPENT, member: member_id, atid, l2t });
            return;
        }
        member.atids.remove(atid);
        if let Some(l2t) = l2t {
            member.release_hop(l2t);
        }
    }

    /// Another answer to an open that was asked for twice: that made what the first had refused, perhaps.
    fn on_spent(&mut self, core: &mut Core, member_id: MemberId, reply: &ActOpenRpl) {
        let (tid, is_made) = (reply.tid(), reply.status() == Status::NONE);
        let is_it = |spent: &&mut Spent| spent.member == member_id && spent.atid == reply.atid();
        let l2t = self.spent.iter_mut().find(is_it).filter(|_| is_made).and_then(|s| s.l2t.take());
        let is_nobodys = core.member(member_id).is_some_and(|m| m.tids.get(tid).is_none());
        match l2t {
            Some(l2t) if is_nobodys => self.close_entry(core, member_id, tid, l2t),
            _ => self.counters.unexpected += 1,
        }
    }

    fn on_stray(&mut self, now: Nanos, core: &mut Core, member_id: MemberId, reply: &ActOpenRpl) {
        let (tid, status) = (reply.tid(), reply.status());
        let asked = |stray: &Stray| stray.member == member_id && stray.open.atid == reply.atid();
        let Some(at) = self.strays.iter().position(asked) else {
            self.counters.unexpected += 1;
            return;
        };
        let stray = &mut self.strays[at];
        if status != Status::NONE && stray.question.times() > 1 {
            stray.is_made = true;
            stray.question = Question::in_another_way(stray.question.due());
            return;
        }
        self.settle_stray(now, core, at, (status == Status::NONE).then_some(tid));
    }

    /// What became of the open of a stray is known.
    fn settle_stray(&mut self, now: Nanos, core: &mut Core, at: usize, tid: Option<Tid>) {
        let Stray { member, open, l2t, question, .. } = self.strays.swap_remove(at);
        let handle = (member, open.atid);
        match tid {
            Some(tid) => {
                self.free_atid(now, core, handle, question.times(), None);
                self.close_entry(core, member, tid, l2t);
            }
            None => self.free_atid(now, core, handle, question.times(), Some(l2t)),
        }
    }

    /// Asks again for what nobody waits for, and lets go of handles to which no second answer can come any more.
    pub(crate) fn poll_strays(&mut self, now: Nanos, core: &mut Core) {
        for at in 0..self.strays.len() {
            let mut stray = self.strays[at];
            if !stray.question.is_due(now) {
                continue;
            }
            if stray.question.is_hopeless() {
                core.give_up_on(stray.member);
            }
            let asked = if stray.is_made {
                self.search(core, stray.member, stray.port, &stray.open).is_ok()
            } else {
                let member = core.member_mut(stray.member);
                member.is_some_and(|m| ofld::act_open(&mut m.lcore.ctrl, &stray.open).is_ok())
            };
            if asked {
                stray.question.repeat(now, self.config.reply_deadline);
                self.counters.asked_again += 1;
            } else {
                stray.question.put_off(now);
            }
            self.strays[at].question = stray.question;
        }
        let over = self.spent.iter().take_while(|spent| now >= spent.until).count();
        for Spent { member, atid, l2t, .. } in self.spent.drain(..over) {
            let Some(member) = core.member_mut(member) else { continue };
            member.atids.remove(atid);
            if let Some(l2t) = l2t {
                member.release_hop(l2t);
            }
        }
    }

    /// When [`Bond::poll_strays`] has something to do.
    pub(crate) fn strays_timeout(&self) -> Option<Nanos> {
        let strays = self.strays.iter().map(|stray| stray.question.due()).min();
        self.spent.front().map(|spent| spent.until).into_iter().chain(strays).min()
    }

    /// Puts a frame of an entry's 4-tuple into its adapter: the entry takes it to the host, and says who it is.
    pub(crate) fn search(
        &self,
        core: &mut Core,
        member: MemberId,
        port: PortId,
        open: &ofld::ActOpen,
    ) -> Result<(), Refused> {
        let Some(own) = own_mac(core, LinkId { member, port }) else { return Ok(()) };
        let (src_port, dst_port) = (open.peer.port(), open.local.port());
        let segment = Segment { src_port, dst_port, ..search() };
        let mut frame = [0; 64];
        let ends = (*open.peer.ip(), *open.local.ip());
        let len = packet::emit_tcp(&mut frame, (own, own), ends, &segment, &[]);
        let sent = send(core, member, port, &frame[..len], TxTo::Loopback);
        if sent { Ok(()) } else { Err(Refused::RingFull) }
    }

    /// A frame through a loopback was taken to the host by the entry `tid`, or by none. Whether one was searched for there.
    pub(crate) fn on_entry_found(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        tuple: &FourTuple,
        tid: Option<Tid>,
    ) -> bool {
        let is_it = |open: &ofld::ActOpen| {
            SocketAddr::V4(open.local) == tuple.local && SocketAddr::V4(open.peer) == tuple.remote
        };
        // One that is somebody's is not what was asked for: that was refused.
        let members = core.member(member);
        let tid = tid.filter(|&tid| members.is_some_and(|m| m.tids.get(tid).is_none()));
        let is_stray = |s: &Stray| s.is_made && s.member == member && is_it(&s.open);
        if let Some(at) = self.strays.iter().position(is_stray) {
            self.settle_stray(now, core, at, tid);
            return true;
        }
        let is_searched = |m: &Move| {
            let entry = m.entry.as_ref().filter(|_| m.entry_asked.is_some());
            entry.is_some_and(|e| e.is_made && e.place.member == member && is_it(&e.open))
        };
        let id = core.lookup(tuple).filter(|&id| self.moves.get(id).is_some_and(is_searched));
        if let Some(id) = id {
            self.settle_entry(now, core, id, tid);
        }
        id.is_some()
    }

    pub(crate) fn drop_entry(&mut self, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.get_mut(id) else { return };
        let Some(entry) = moving.entry.take() else { return };
        let asked = moving.entry_asked.take();
        let question = moving.question.take_if(|_| asked.is_some());
        let Place { member: member_id, port, l2t, tid, .. } = entry.place;
        if asked.is_some() {
            // The answer is still to come, and with it the tid to be closed.
            let question = question.unwrap_or_else(|| Question::in_another_way(Nanos::ZERO));
            let (open, is_made) = (entry.open, entry.is_made);
            self.strays.push(Stray { member: member_id, port, open, is_made, l2t, question });
        } else {
            self.close_entry(core, member_id, tid, l2t);
        }
    }

    /// Ends a NON_OFFLOAD TCB; the answer to the abort releases its tid and next hop.
    fn close_entry(&mut self, core: &mut Core, member_id: MemberId, tid: Tid, l2t: L2tIdx) {
        core.orphan_or_enter(member_id, tid, l2t);
        self.abort_entry(core, member_id, tid);
    }

    fn abort_entry(&mut self, core: &mut Core, member_id: MemberId, tid: Tid) {
        let Some(member) = core.member_mut(member_id) else { return };
        let abort = AbortReq::new(tid).with_cmd(AbortCmd::NO_RST).with_no_tx_data(1);
        if ofld::control(&mut member.lcore.ctrl, tid, &abort).is_err() {
            self.counters.ring_full += 1;
            self.closes.push((member_id, tid));
        }
    }

    /// Ends the entries whose abort found no room in a ring.
    pub(crate) fn poll_closes(&mut self, core: &mut Core) {
        for (member_id, tid) in core::mem::take(&mut self.closes) {
            self.abort_entry(core, member_id, tid);
        }
    }
}
