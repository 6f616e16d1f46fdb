//! What an adapter had put into its loopbacks before its next hops were turned to the wire.
//!
//! It waits there as long as its host reads late: in the ingress queue, or in the loopback itself, which a queue without
//! room pauses, and which answers to the host overtake. What the adapter has sent by its wire meanwhile is newer. As long
//! as its next hops lead to the wire what comes out of a loopback is dropped for that reason alone; when they lead into it
//! once more, the old frames come ahead of the new ones, and only a marker tells them apart. It goes into each loopback
//! when the card has answered that it uses the wire; until it is back nothing of that adapter is carried out, and
//! connections that lost something by that are made to say it again.

use std::collections::{BTreeMap, BTreeSet};

use mafo_mem::Nanos;
use mafo_stack::{Core, MemberId, SocketId};
use mafo_t4::PortId;

use crate::bond::{Bond, LinkId};

/// Loopbacks of an adapter that may hold what is older than its words by the wire.
#[derive(Debug, Default)]
pub(crate) struct Remnants {
    loopbacks: BTreeMap<PortId, Sought>,
    /// Connections of which something was dropped meanwhile.
    dropped: BTreeSet<SocketId>,
}

/// How far the proof has come that a loopback holds nothing older.
#[derive(Clone, Copy, Debug, Default)]
struct Sought {
    /// The first marker behind it all: that one, or any later one, proves it.
    first: Option<u64>,
    /// When another one is to be sent; `None`: when the card has answered that it uses the wire.
    due: Option<Nanos>,
}

impl Bond {
    /// A next hop of `member` that led into the loopback of `port` is to lead to the wire.
    pub(crate) fn note_remnants(&mut self, member: MemberId, port: PortId) {
        if let Some(side) = self.sides.get_mut(&member) {
            // A marker that is under way is ahead of what has been looped since.
            side.remnants.loopbacks.insert(port, Sought::default());
        }
    }

    /// Whether a looped frame of a connection may be older than what its adapter has sent by its wire.
    pub(crate) fn is_remnant(&mut self, member: MemberId, id: SocketId) -> bool {
        let Some(side) = self.sides.get_mut(&member) else { return false };
        let is_sought = !side.remnants.loopbacks.is_empty();
        if is_sought {
            side.remnants.dropped.insert(id);
        }
        is_sought
    }

    /// Sends markers into loopbacks into which nothing older comes any more.
    pub(crate) fn poll_remnants(&mut self, now: Nanos, core: &mut Core) {
        if self.sides.values().all(|side| side.remnants.loopbacks.is_empty()) {
            return;
        }
        let members = self.sides.iter().filter(|(_, side)| !side.remnants.loopbacks.is_empty());
        let members: Vec<MemberId> = members.map(|(&member, _)| member).collect();
        for id in members {
            let is_settled =
                core.member(id).is_some_and(|member| member.lcore.l2t.is_all_settled());
            let Some(side) = self.sides.get_mut(&id) else { continue };
            let mut due = Vec::new();
            for (&port, sought) in &mut side.remnants.loopbacks {
                if sought.first.is_none() && !is_settled {
                    sought.due = None;
                } else if sought.due.is_none_or(|due| due <= now) {
                    due.push(port);
                }
            }
            for port in due {
                let marker = self.mark(now, core, LinkId { member: id, port });
                let side = self.sides.get_mut(&id);
                let Some(sought) = side.and_then(|s| s.remnants.loopbacks.get_mut(&port)) else {
                    continue;
                };
                sought.due = Some(marker.map_or(now, |marker| marker.deadline));
                sought.first = sought.first.or(marker.map(|marker| marker.number));
            }
        }
    }

    /// When [`Bond::poll_remnants`] has something to do that no answer of a card brings.
    pub(crate) fn remnants_timeout(&self) -> Option<Nanos> {
        let sought = self.sides.values().flat_map(|side| side.remnants.loopbacks.values());
        sought.filter_map(|sought| sought.due).min()
    }

    /// A marker came out of a loopback; whether that was waited for.
    pub(crate) fn on_loopback_clear(
        &mut self,
        member: MemberId,
        port: PortId,
        number: u64,
    ) -> bool {
        let Some(side) = self.sides.get_mut(&member) else { return false };
        let Remnants { loopbacks, dropped } = &mut side.remnants;
        let is_behind = |sought: &Sought| sought.first.is_some_and(|first| first <= number);
        if !loopbacks.get(&port).is_some_and(is_behind) {
            return false;
        }
        loopbacks.remove(&port);
        if loopbacks.is_empty() {
            self.kicks.extend(core::mem::take(dropped));
        }
        true
    }
}
