//! Whom the bond tells where its address is: the switch by gratuitous ARP, the adapters by their next hops.

use mafo_mem::Nanos;
use mafo_pmd::l2t::{L2tTarget, NextHop};
use mafo_stack::{Core, MemberId};
use mafo_t4::PortId;

use crate::bond::{Bond, LinkId};

impl Bond {
    /// Every adapter's next hops: out by the wire of a port that carries, where the adapter has one, else into the
    /// loopback.
    pub(crate) fn point_hops(&mut self, now: Nanos, core: &mut Core) {
        if self.active.is_none() {
            return;
        }
        self.hops_pending = false;
        let members: Vec<MemberId> = self.sides.keys().copied().collect();
        let mut turned = Vec::new();
        for member_id in members {
            let is_fencing = self.moves.is_any_fenced(member_id);
            let hops: Vec<_> = core.member(member_id).into_iter().flat_map(|m| m.hops()).collect();
            for (next_hop, home, l2t) in hops {
                let known = core.hop_towards(now, next_hop).map(|(_, mac)| mac);
                let by = self.wire_of(LinkId { member: member_id, port: home });
                let says = core.member(member_id).and_then(|m| m.lcore.l2t.get(l2t)).copied();
                let Some(says) = says else { continue };
                if let Some(port) = by
                    && says.target == L2tTarget::Loopback
                {
                    // It may still speak for a connection that it is being silenced for, and by the wire
                    // the host could not stop it; nor may it overtake what it said before.
                    let link = LinkId { member: member_id, port };
                    if is_fencing || !self.is_queue_clear(now, core, link) {
                        self.hops_pending = true;
                        continue;
                    }
                }
                let Some(member) = core.member_mut(member_id) else { continue };
                let wanted = if let Some(port) = by {
                    let mac = known.unwrap_or(says.mac);
                    NextHop { mac, port, target: L2tTarget::Wire, ..says }
                } else {
                    let resources = member.lcore.resources();
                    let own = resources.port(says.port).map_or(says.mac, |port| port.mac);
                    NextHop { mac: own, target: L2tTarget::Loopback, ..says }
                };
                if wanted == says {
                    continue;
                }
                if member.write_hop(l2t, wanted).is_err() {
                    self.hops_pending = true;
                    self.counters.ring_full += 1;
                } else if by.is_some() && says.target == L2tTarget::Loopback {
                    self.note_remnants(member_id, says.port);
                    turned.push((member_id, l2t));
                }
            }
        }
        self.undo_past_gates(now, core, &turned);
    }

    /// The port by whose wire go frames of connections that were opened by `home`, if they go by one.
    fn wire_of(&self, home: LinkId) -> Option<PortId> {
        if !self.is_xor() {
            return self.active.filter(|active| active.member == home.member).map(|link| link.port);
        }
        let up = || self.links.iter().filter(|link| link.up && link.id.member == home.member);
        let own = up().find(|link| link.id == home);
        own.or_else(|| up().next()).map(|link| link.id.port)
    }

    pub(crate) fn notify(&mut self, now: Nanos) {
        self.notices_left = self.config.num_peer_notif;
        // With none asked for, it is told before the switch forgets all the same.
        let soon = self.notices_left > 0;
        self.next_notice = if soon { now } else { now + self.config.announce_interval };
    }

    /// Says where the address is now, so that the switch learns the active port.
    pub(crate) fn announce(&mut self, now: Nanos, core: &mut Core) {
        if self.active.is_none() || self.is_told() || now < self.next_notice {
            return;
        }
        core.announce(now);
        core.flush(now);
        self.notices_left = self.notices_left.saturating_sub(1);
        let pause = if self.notices_left > 0 {
            self.config.peer_notif_delay
        } else {
            self.config.announce_interval
        };
        self.next_notice = now + pause;
    }
}
