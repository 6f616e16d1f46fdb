//! From the host's queue back to the card's own wire.
//!
//! While the next hops of an adapter lead into its loopback, what it says leaves by an Ethernet queue of the active link.
//! That may be its own: its link is active again, and its next hops cannot be turned yet; or one connection alone takes a
//! detour. Its TP does not wait for that queue, so what it says by its wire would overtake what is still in there. A marker
//! behind it says when nothing is; until then nothing more is put into it.

use mafo_mem::Nanos;
use mafo_stack::{Core, MemberId};

use crate::bond::{Bond, LinkId};
use crate::detour::Detour;

/// What an adapter's own Ethernet queues may still hold of what it said itself.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Something was sent by them, and no marker has come back since.
    is_used: bool,
    /// The marker behind it, and when it counts as lost.
    marker: Option<(u64, Nanos)>,
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
        if side.turn.marker.is_some_and(|(_, deadline)| now < deadline) {
            return false;
        }
        self.batches += 1;
        let number = self.batches;
        let sent = self.send_marker(core, link.member, link.port, number);
        self.counters.tx_full += u64::from(!sent);
        let deadline = now + self.config.reply_deadline;
        if let Some(side) = self.sides.get_mut(&link.member) {
            side.turn.marker = sent.then_some((number, deadline));
        }
        false
    }

    /// Whether what `member` says waits for its queue to be clear: it would be overtaken.
    pub(crate) fn is_turning(&self, member: MemberId) -> bool {
        self.sides.get(&member).is_some_and(|side| side.turn.marker.is_some())
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
        if side.turn.marker.take_if(|(marker, _)| *marker == number).is_none() {
            return false;
        }
        side.turn.is_used = false;
        self.point_hops(now, core);
        let is_detoured = |detour| matches!(detour, Detour::On);
        let waiting = self
            .moves
            .iter()
            .filter(|(_, moving)| moving.home.member == member && is_detoured(moving.detour));
        let waiting: Vec<_> = waiting.map(|(id, _)| id).collect();
        for id in waiting {
            if let Some(moving) = self.moves.get_mut(id) {
                moving.wake_up = moving.wake_up.min(now);
            }
        }
        true
    }
}
