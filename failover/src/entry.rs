//! The entry on a new adapter: a NON_OFFLOAD TCB of the connection's 4-tuple. Until it is made the
//! connection it works as a filter that takes the peer's frames to the host.

use mafo_mem::{Full, Nanos};
use mafo_pmd::ofld::{self, TxCreditPool};
use mafo_stack::tom::{AtidUse, Place, Reposted, TidUse};
use mafo_stack::{Core, MemberId, SocketId};
use mafo_t4::cpl::{AbortCmd, AbortReq, ActOpenRpl, Status};
use mafo_t4::opt::{CongAlg, Opt0, Opt2};
use mafo_t4::{Atid, L2tIdx, Tid};

use crate::bond::{Bond, LinkId};
use crate::handover::Undo;
use crate::stage::Stage;
use crate::upload::Upload;

/// The filter on the new adapter that becomes the connection.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The handle of its open: an earlier one of the connection may not have been answered yet.
    atid: Atid,
    /// Where it is; the tid is known when the card has answered.
    pub(crate) place: Place,
    /// Whether the writes that make it the connection are with the card.
    pub(crate) written: Written,
    /// What these are.
    pub(crate) plan: Option<Upload>,
    /// How much of the payload that the peer has not acknowledged is with the card.
    pub(crate) reposted: Reposted,
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
    atid: Atid,
    pub(crate) l2t: L2tIdx,
}

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
        let (std::net::SocketAddr::V4(local), std::net::SocketAddr::V4(peer)) =
            (tuple.local, tuple.remote)
        else {
            return Err(NoEntry::Unfit);
        };
        // What was agreed on, which may be less than the link carries.
        let agreed = match core.offloaded(id) {
            Some(conn) => core.mss_index_on(id, to.member).map(|mss| (mss, conn.rcv_scale)),
            None => core.sheltered(id, to.member),
        };
        let (mss_idx, scale) = agreed.ok_or(NoEntry::Unfit)?;
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
            let credits = TxCreditPool::new(member.lcore.resources().flowc_credits);
            let LinkId { member, port } = to;
            let tid = Tid(u32::MAX);
            let place = Place { member, port, tid, l2t, credits, ts_offset: 0, mss_idx };
            let (written, reposted) = (Written::Nothing, Reposted::default());
            moving.entry = Some(Entry { atid, place, written, plan: None, reposted });
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
        let Some(AtidUse::Hook(id)) = member.atids.remove(reply.atid()) else {
            self.counters.unexpected += 1;
            return;
        };
        let tid = reply.tid();
        let status = reply.status();
        // Asked before for the same connection, on another port of the adapter, it is nobody's now.
        let is_asked_for =
            |entry: &Entry| entry.place.member == member_id && entry.atid == reply.atid();
        let moving = self
            .moves
            .get_mut(id)
            .filter(|m| m.entry_asked.is_some() && m.entry.as_ref().is_some_and(is_asked_for));
        let Some(moving) = moving else {
            // Nobody waits for it any more; its next hop went into the account of strays.
            self.on_stray(core, member_id, reply);
            return;
        };
        moving.entry_asked = None;
        if status != Status::NONE {
            if let Some(entry) = moving.entry.take() {
                member.release_hop(entry.place.l2t);
            }
            if moving.stage == Stage::Sheltered {
                self.put_off_departure(now, id);
            } else if moving.is_past_return() {
                self.next_owner(now, core, id);
            } else {
                self.undo(now, core, id, Undo::Later);
            }
            return;
        }
        if member.tids.insert(tid, TidUse::Hook(id)).is_err() {
            self.counters.unexpected += 1;
            return;
        }
        if let Some(entry) = &mut moving.entry {
            entry.place.tid = tid;
        }
        if moving.stage == Stage::Uploading {
            self.find_owner(now, core, id);
        }
    }

    fn on_stray(&mut self, core: &mut Core, member_id: MemberId, reply: &ActOpenRpl) {
        let (tid, status) = (reply.tid(), reply.status());
        let asked = |stray: &Stray| stray.member == member_id && stray.atid == reply.atid();
        let Some(at) = self.strays.iter().position(asked) else {
            self.counters.unexpected += 1;
            return;
        };
        let stray = self.strays.swap_remove(at);
        if status == Status::NONE {
            self.close_entry(core, member_id, tid, stray.l2t);
        } else if let Some(member) = core.member_mut(member_id) {
            member.release_hop(stray.l2t);
        }
    }

    pub(crate) fn drop_entry(&mut self, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.get_mut(id) else { return };
        let Some(entry) = moving.entry.take() else { return };
        let asked = moving.entry_asked.take();
        let Place { member: member_id, l2t, tid, .. } = entry.place;
        if asked.is_some() {
            // The answer is still to come, and with it the tid to be closed.
            self.strays.push(Stray { member: member_id, atid: entry.atid, l2t });
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
