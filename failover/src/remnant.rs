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
use crate::tunnel::Marker;

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

impl Remnants {
    /// A next hop that led into the loopback of `port` is to lead to the wire.
    fn note(&mut self, port: PortId) {
        // A marker that is under way is ahead of what has been looped since.
        self.loopbacks.insert(port, Sought::default());
    }

    /// Whether a looped frame of a connection may be an old one, which is dropped then.
    fn may_hold(&mut self, id: SocketId) -> bool {
        let is_sought = !self.loopbacks.is_empty();
        if is_sought {
            self.dropped.insert(id);
        }
        is_sought
    }

    /// Loopbacks into which a marker is to be sent now. Unless the card has answered all writes of next hops
    /// (`is_settled`), something may still go into them behind a first one.
    fn due(&mut self, now: Nanos, is_settled: bool) -> Vec<PortId> {
        let mut due = Vec::new();
        for (&port, sought) in &mut self.loopbacks {
            if sought.first.is_none() && !is_settled {
                sought.due = None;
            } else if sought.due.is_none_or(|due| due <= now) {
                due.push(port);
            }
        }
        due
    }

    /// A marker was sent into the loopback of `port`, unless there was no room for it.
    fn sent(&mut self, now: Nanos, port: PortId, marker: Option<Marker>) {
        let Some(sought) = self.loopbacks.get_mut(&port) else { return };
        sought.due = Some(marker.map_or(now, |marker| marker.deadline));
        sought.first = sought.first.or(marker.map(|marker| marker.number));
    }

    /// A marker came out of the loopback of `port`: connections that are to be made to say again what they lost, when it was
    /// the last one. `None`: it was not waited for.
    fn came_out(&mut self, port: PortId, number: u64) -> Option<BTreeSet<SocketId>> {
        let is_behind = |sought: &Sought| sought.first.is_some_and(|first| first <= number);
        if !self.loopbacks.get(&port).is_some_and(is_behind) {
            return None;
        }
        self.loopbacks.remove(&port);
        let is_last = self.loopbacks.is_empty();
        Some(if is_last { core::mem::take(&mut self.dropped) } else { BTreeSet::new() })
    }
}

impl Bond {
    /// A next hop of `member` that led into the loopback of `port` is to lead to the wire.
    pub(crate) fn note_remnants(&mut self, member: MemberId, port: PortId) {
        if let Some(side) = self.sides.get_mut(&member) {
            side.remnants.note(port);
        }
    }

    /// Whether a looped frame of a connection may be older than what its adapter has sent by its wire.
    pub(crate) fn is_remnant(&mut self, member: MemberId, id: SocketId) -> bool {
        self.sides.get_mut(&member).is_some_and(|side| side.remnants.may_hold(id))
    }

    /// Sends markers into loopbacks into which nothing older comes any more.
    pub(crate) fn poll_remnants(&mut self, now: Nanos, core: &mut Core) {
        let members = self.sides.iter().filter(|(_, side)| !side.remnants.loopbacks.is_empty());
        let members: Vec<MemberId> = members.map(|(&member, _)| member).collect();
        for id in members {
            let is_settled =
                core.member(id).is_some_and(|member| member.lcore.l2t.is_all_settled());
            let side = self.sides.get_mut(&id);
            for port in side.map_or_else(Vec::new, |side| side.remnants.due(now, is_settled)) {
                let marker = self.mark(now, core, LinkId { member: id, port });
                if let Some(side) = self.sides.get_mut(&id) {
                    side.remnants.sent(now, port, marker);
                }
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
        let side = self.sides.get_mut(&member);
        let Some(lost) = side.and_then(|side| side.remnants.came_out(port, number)) else {
            return false;
        };
        self.kicks.extend(lost);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mafo_pmd::eal::dma::Arena;
    use mafo_stack::{Options, PathChoice, Stack, StackConfig};

    use super::*;

    const PORT: PortId = PortId(1);

    fn marker(number: u64, deadline: Nanos) -> Option<Marker> {
        Some(Marker { number, deadline })
    }

    /// Some connections: nothing but their names counts here.
    fn connections() -> [SocketId; 2] {
        let config = StackConfig::new(Ipv4Addr::new(10, 0, 0, 1), 24, [2, 0, 0, 0, 0, 1]);
        let mut stack = Stack::new(config, Arena::ordinary(8 << 20).expect("memory"));
        let core = stack.core_mut();
        [7, 8].map(|port| {
            let remote = (Ipv4Addr::new(10, 0, 0, 2), port).into();
            let opened = core.connect(Nanos::ZERO, remote, None, Options::on(PathChoice::Host));
            opened.expect("a socket")
        })
    }

    /// A marker that goes into a loopback ahead of what the card still puts there would prove nothing.
    #[test]
    fn a_marker_waits_until_all_next_hops_are_written() {
        let (mut remnants, now) = (Remnants::default(), Nanos(10));
        remnants.note(PORT);
        assert_eq!(remnants.due(now, false), []);
        assert_eq!(remnants.due(now, true), [PORT]);
        remnants.sent(now, PORT, None);
        // There was no room: at once again, but not before all is written.
        assert_eq!(remnants.due(now, false), []);
        assert_eq!(remnants.due(now, true), [PORT]);
        remnants.sent(now, PORT, marker(3, Nanos(20)));
        // It is lost: the next one, whatever is written meanwhile for others.
        assert_eq!(remnants.due(Nanos(19), true), []);
        assert_eq!(remnants.due(Nanos(20), false), [PORT]);
        // Turned once more, everything begins anew.
        remnants.note(PORT);
        assert_eq!(remnants.due(now, false), []);
    }

    /// The first marker is proof enough, and so is any that was sent when it was lost; one from before is none.
    #[test]
    fn what_was_dropped_is_said_again_when_the_last_loopback_is_clear() {
        let [first, second] = connections();
        let mut remnants = Remnants::default();
        assert!(!remnants.may_hold(first), "nothing is looked for");
        for port in [PortId(0), PORT] {
            remnants.note(port);
            remnants.sent(Nanos(1), port, marker(5, Nanos(20)));
            remnants.sent(Nanos(20), port, marker(6, Nanos(40)));
        }
        assert!(remnants.may_hold(second) && remnants.may_hold(first));
        assert_eq!(remnants.came_out(PORT, 4), None);
        assert_eq!(remnants.came_out(PORT, 6), Some(BTreeSet::new()), "another is looked for");
        assert_eq!(remnants.came_out(PORT, 5), None, "for the second time");
        assert!(remnants.may_hold(second));
        assert_eq!(remnants.came_out(PortId(0), 5), Some([first, second].into()));
        assert!(!remnants.may_hold(first));
    }
}
