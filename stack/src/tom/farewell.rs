//! The end of a tid: it goes back to the card when nothing of it is under way any more.
//!
//! TID_RELEASE goes by the control queue and frees the tid in any state. Work of the connection that is still in the
//! offload queue then, an ABORT_RPL or a change of channel, would be carried out on whoever has the tid next. Unless
//! the answer that ends the connection is that to the last work request, a question is posted behind it
//! ([`ofld::last_word`]), and the tid waits for the answer.

use mafo_pmd::ofld::{self, Abort, Refused, Tail, Then, TxCreditPool};
use mafo_t4::cpl::AbortCmd;
use mafo_t4::wr::Mnem;
use mafo_t4::{L2tIdx, PortId, Tid};

use super::{MemberId, TidUse};
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;

/// Repeated by the answers to last words: [`ofld::last_word`] asks for none.
const LAST_WORD: u8 = 0;

/// What becomes of the next hop of a connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// The card says nothing more.
    LetGo,
    /// It is in use until the tid is free.
    Kept,
}

/// What a tid's offload queue is still to be given.
#[derive(Debug)]
pub(crate) struct Farewell {
    pub(super) member: MemberId,
    port: PortId,
    pub(super) tid: Tid,
    credits: TxCreditPool,
    flow_told: bool,
    owed: Owed,
}

/// What is posted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    /// An ABORT_REQ for a connection that no socket stands behind; its answer ends the tid.
    Abort,
    /// The answer to an ABORT_REQ_RSS, then the last word.
    AbortReply,
    /// The last word.
    LastWord,
}

impl Core {
    /// Gives the tid of a connection that is over back to the card, at once or when its queue is empty.
    pub(super) fn leave_tid(&mut self, id: SocketId, hop: Hop) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let (member, port, tid, l2t) = (conn.member, conn.port, conn.tid, conn.l2t);
        let farewell = Farewell {
            member,
            port,
            tid,
            credits: core::mem::replace(&mut conn.credits, TxCreditPool::new(0)),
            flow_told: conn.flow_told,
            owed: if conn.abort_reply_owed { Owed::AbortReply } else { Owed::LastWord },
        };
        let is_done =
            farewell.owed == Owed::LastWord && farewell.credits.tail() != Tail::Unanswered;
        let kept = (hop == Hop::Kept && !is_done).then_some(l2t);
        if kept.is_none() {
            self.leave_card(id);
        }
        if is_done {
            self.release_tid(member, tid);
            return;
        }
        self.farewells_bid = self.farewells_bid.wrapping_add(1);
        if let Some(used) = self.members[member.index()].tids.get_mut(tid) {
            *used = TidUse::Leaving(kept, self.farewells_bid);
        }
        self.bid(farewell);
    }

    /// Aborts a connection of the card that no socket stands behind.
    pub(crate) fn abort_stranger(&mut self, member_id: MemberId, tid: Tid, l2t: L2tIdx) {
        let member = &mut self.members[member_id.index()];
        if member.tids.insert(tid, TidUse::Dying(l2t)).is_err() {
            self.counters.tom_unexpected += 1;
            return;
        }
        let Some(port) = member.lcore.l2t.get(l2t).map(|hop| hop.port) else { return };
        let credits = TxCreditPool::new(member.lcore.resources().flowc_credits);
        let owed = Owed::Abort;
        self.bid(Farewell { member: member_id, port, tid, credits, flow_told: false, owed });
    }

    fn bid(&mut self, mut farewell: Farewell) {
        let (member, tid) = (farewell.member, farewell.tid);
        if farewell.post(self).is_err() {
            self.counters.tom_ring_full += 1;
            self.farewells.push(farewell);
        } else if farewell.owed == Owed::Abort {
            self.await_abort(member, tid);
        } else {
            self.await_last_word(farewell);
        }
    }

    /// Posts the last words that found no room in a ring.
    pub(super) fn poll_farewells(&mut self) {
        for farewell in core::mem::take(&mut self.farewells) {
            self.bid(farewell);
        }
    }

    /// A last word is answered: the tid is free. Whether it was one.
    pub(super) fn on_last_word(&mut self, member: MemberId, tid: Tid, cookie: u8) -> bool {
        let Some(&TidUse::Leaving(hop, _)) = self.members[member.index()].tids.get(tid) else {
            return false;
        };
        if cookie != LAST_WORD {
            // Of a question that was asked before.
            return true;
        }
        if let Some(l2t) = hop {
            self.members[member.index()].release_hop(l2t);
        }
        self.release_tid(member, tid);
        true
    }
}

impl Farewell {
    /// Posts what there is room for; the rest is tried again.
    pub(super) fn post(&mut self, core: &mut Core) -> Result<(), Refused> {
        let member = &mut core.members[self.member.index()];
        let (pf, iq) = (u32::from(member.lcore.resources().pf) << 8, member.iq());
        let eq = member.ofld(self.port).ok_or(Refused::RingFull)?;
        if !self.flow_told {
            let channel = u32::from(self.port.0);
            let params = [
                (Mnem::PFNVFN, pf),
                (Mnem::CH, channel),
                (Mnem::PORT, channel),
                (Mnem::IQID, u32::from(iq.0)),
            ];
            ofld::flowc(eq, &mut self.credits, self.tid, &params, Then::More)?;
            self.flow_told = true;
        }
        match self.owed {
            Owed::Abort => {
                let abort = Abort { cmd: AbortCmd::SEND_RST, snd_nxt: 0, tx_data_sent: false };
                return ofld::abort_req(eq, &mut self.credits, self.tid, abort);
            }
            Owed::AbortReply => {
                ofld::abort_rpl(eq, &mut self.credits, self.tid, AbortCmd::NO_RST)?;
                self.owed = Owed::LastWord;
            }
            Owed::LastWord => {}
        }
        ofld::last_word(eq, &mut self.credits, self.tid, iq)
    }
}
