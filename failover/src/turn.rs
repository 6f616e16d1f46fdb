//! From the host's queue back to the card's own wire.
//!
//! While the next hops of an adapter lead into its loopback, what it says leaves by an Ethernet queue of the active link.
//! That may be its own: its link is active again, and its next hops cannot be turned yet; or one connection alone takes a
//! detour. Its TP does not wait for that queue, so what it says by its wire would overtake what is still in there. A marker
//! behind it says when nothing is; until then nothing more is put into it.

use mafo_mem::Nanos;
use mafo_stack::{Core, MemberId, SocketId};
use mafo_t4::L2tIdx;

use crate::bond::{Bond, LinkId};
use crate::detour::Detour;
use crate::handover::{Move, Undo};
use crate::stage::Stage;
use crate::tunnel::Marker;

/// What an adapter's own Ethernet queues may still hold of what it said itself.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Something was sent by them, and no marker has come back since.
    is_used: bool,
    /// The marker behind it.
    marker: Option<Marker>,
}

impl Bond {
    /// A frame that `member` made has been sent by one of its own queues.
    pub(crate) fn note_own_queue(&mut self, member: MemberId) {
        if let Some(side) = self.sides.get_mut(&member) {
            side.turn.is_used = true;
        }
    }

    /// Whether the queue of `link` holds nothing that its adapter said; if it may, that is seen to.
    pub(crate) fn is_queue_clear(&mut self, now: Nanos, core: &mut Core, link: LinkId) -> bool {
        let Some(side) = self.sides.get(&link.member).filter(|side| side.turn.is_used) else {
            return true;
        };
        if side.turn.marker.is_some_and(|marker| now < marker.deadline) {
            return false;
        }
        let marker = self.mark(now, core, link);
        if let Some(side) = self.sides.get_mut(&link.member) {
            side.turn.marker = marker;
        }
        false
    }

    /// Whether what `member` says waits for its queue to be clear: it would be overtaken.
    pub(crate) fn is_turning(&self, member: MemberId) -> bool {
        self.sides.get(&member).is_some_and(|side| side.turn.marker.is_some())
    }

    /// These next hops lead to the wire from now on: past the host, and past the gate. However soon they are turned back,
    /// what their connections say in between is not heard, so that those which counted on the way of all begin anew.
    pub(crate) fn undo_past_gates(
        &mut self,
        now: Nanos,
        core: &mut Core,
        turned: &[(MemberId, L2tIdx)],
    ) {
        if turned.is_empty() {
            return;
        }
        let counts_on_others = |id: SocketId, moving: &Move| {
            let waits = match moving.stage {
                Stage::Held | Stage::Gated => true,
                Stage::Suspended => moving.goal.is_some(),
                _ => false,
            };
            let hop = core.offloaded(id).map(|conn| (conn.member, conn.l2t));
            waits && moving.detour == Detour::None && hop.is_some_and(|hop| turned.contains(&hop))
        };
        let moves = self.moves.iter().filter(|&(id, moving)| counts_on_others(id, moving));
        let past: Vec<SocketId> = moves.map(|(id, _)| id).collect();
        for id in past {
            self.undo(now, core, id, Undo::Elsewhere);
            self.moves.touch(id);
        }
    }

    /// A marker is back; whether it was one of a queue that was to be clear.
    pub(crate) fn on_queue_clear(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        number: u64,
    ) -> bool {
        let Some(side) = self.sides.get_mut(&member) else { return false };
        if side.turn.marker.take_if(|marker| marker.number == number).is_none() {
            return false;
        }
        side.turn.is_used = false;
        self.point_hops(now, core);
        let waits = |moving: &Move| moving.home.member == member && moving.detour == Detour::On;
        let waiting = self.moves.iter().filter(|(_, moving)| waits(moving));
        let waiting: Vec<SocketId> = waiting.map(|(id, _)| id).collect();
        for id in waiting {
            if let Some(moving) = self.moves.get_mut(id) {
                moving.wake_up = moving.wake_up.min(now);
            }
            // At once: what its card says next, which may be in this very burst, would be in that queue again.
            self.look(now, core, id);
        }
        true
    }
}
