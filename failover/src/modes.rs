//! Who carries what: one link (active-backup), or all of them (balance-xor).
//!
//! In balance-xor a switch takes all links for one, and chooses by a hash of its own. So *the owner follows the ingress*:
//! a connection lives where its peer's frames come in. One that is opened by a peer does from the start, since its SYN
//! came in there; one that we open may have been begun elsewhere, and a change of the bond's links moves others. Their
//! frames come to the host by the standing rule and cross it into their owner, which is correct for ever; after
//! [`PATIENCE`] of them in a row by one link the connection is moved there. What it says goes out by its owner's port all
//! the while.
//!
//! Everything else is as in active-backup, but that *where a connection is to live* ([`Bond::way`]) is its own affair
//! and not the bond's.

use core::net::{IpAddr, Ipv4Addr};

use mafo_mem::Nanos;
use mafo_stack::{Core, FourTuple, Mac, MemberId, SocketId, Spread};
use mafo_t4::PortId;

use crate::bond::{Bond, BondEvent, LinkId};
use crate::config::{Mode, XmitHashPolicy};
use crate::handover::{Cause, Goal, Move};
use crate::links::Link;
use crate::stage::Stage;

/// Frames by another link than its own before a connection moves there.
const PATIENCE: u8 = 64;

/// Frames of a connection that came in by a link that it does not live on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Astray {
    by: LinkId,
    frames: u8,
}

impl Bond {
    /// Whether all links carry.
    pub(crate) fn is_xor(&self) -> bool {
        self.config.mode == Mode::BalanceXor
    }

    /// Whether frames of peers that come in by a link are for us. Where all carry it is the switch that chooses, and of
    /// probes that fail, or of a delay of ours, it knows nothing: by whatever has a carrier frames come, and nowhere else.
    pub(crate) fn takes_from(&self, link: LinkId) -> bool {
        if !self.is_xor() {
            return self.active == Some(link);
        }
        self.links.iter().any(|known| known.id == link && known.carrier)
    }

    /// Whether a connection may stay where it lives.
    pub(crate) fn is_right(&self, home: LinkId) -> bool {
        if self.is_xor() { self.is_up(home) } else { self.active == Some(home) }
    }

    /// Where a connection that is moving is to live, if that is on a link.
    pub(crate) fn way(&self, moving: &Move) -> Option<LinkId> {
        match moving.goal {
            Some(Goal::Link(link)) if self.is_up(link) && self.may_go_to(moving, link) => {
                Some(link)
            }
            _ if self.is_xor() && self.is_up(moving.home) => Some(moving.home),
            _ if self.is_xor() => self.beside(moving.home).or(self.active),
            _ => self.active,
        }
    }

    /// Whether a connection can live by a link that somebody wished for. Where one link is active that may be another one
    /// by now: what has no adapter goes to it, and what has one changes its port there at most.
    fn may_go_to(&self, moving: &Move, link: LinkId) -> bool {
        let is_there = matches!(moving.stage, Stage::Tunnelled | Stage::Rechannelling)
            && moving.home.member == link.member;
        self.is_xor() || is_there && self.active.is_some_and(|active| active.member == link.member)
    }

    /// The same, by its socket.
    pub(crate) fn way_of(&self, id: SocketId) -> Option<LinkId> {
        self.moves.get(id).map_or(self.active, |moving| self.way(moving))
    }

    /// Who goes on with the connections of a link: another port of its adapter, else the first link that is up.
    fn beside(&self, home: LinkId) -> Option<LinkId> {
        let up = || self.links.iter().filter(|link| link.up).map(|link| link.id);
        up().find(|link| link.member == home.member).or_else(|| up().next())
    }

    /// A link of a bond whose links all carry came up or went down. Connections of others are not concerned.
    pub(crate) fn on_carrier_of_many(&mut self, now: Nanos, core: &mut Core, id: LinkId, up: bool) {
        let others = self.links.iter().any(|link| link.up && link.id != id);
        let active = self.active.filter(|&active| self.is_up(active));
        let next = active.or_else(|| self.links.iter().find(|link| link.up).map(|link| link.id));
        if let Some(next) = next.filter(|&next| self.active != Some(next)) {
            // Frames of the host itself leave by it.
            self.active = Some(next);
            core.set_active_port(next.member, next.port);
            self.notify(now);
            self.log(now, BondEvent::Active(next));
        }
        self.tell_carriers(core);
        let cause = if up { Cause::Wish } else { Cause::Failure };
        if !up && others {
            self.counters.failures += 1;
            self.tunnelled = false;
        }
        self.point_hops(now, core);
        core.ring();
        self.review = Some(cause);
        self.begin_sweep(now, core, cause, !up && others);
        self.sync_filters(core);
        self.poll_kicks(now, core);
    }

    /// Tells the stack where connections may be begun, and accepted.
    pub(crate) fn tell_carriers(&self, core: &mut Core) {
        if self.is_xor() {
            let ports = |is_one: fn(&Link) -> bool| -> Vec<(MemberId, PortId)> {
                let links = self.links.iter().filter(|link| is_one(link));
                links.map(|link| (link.id.member, link.id.port)).collect()
            };
            let spread = spread(self.config.xmit_hash_policy);
            core.set_carriers(ports(|link| link.up), ports(|link| link.carrier), spread);
        }
    }

    /// A frame of a connection came in by `by`, where it does not live.
    pub(crate) fn note_astray(&mut self, now: Nanos, core: &mut Core, id: SocketId, by: LinkId) {
        if !self.is_xor() || self.moves.contains(id) || !self.is_up(by) {
            return;
        }
        let Some(conn) = core.offloaded(id) else { return };
        let (home, is_live) =
            (LinkId { member: conn.member, port: conn.port }, conn.state.is_live());
        if !is_live {
            // What answers its SYN says already where it is to live.
            self.astray.insert(id, Astray { by, frames: PATIENCE - 1 });
        } else if self.is_patient_no_more(id, by) {
            self.counters.followed += 1;
            self.begin_move(now, core, id, home, Goal::Link(by));
        }
    }

    /// One more frame of a connection came in by `by`, where it does not live; whether it is to move there now.
    pub(crate) fn is_patient_no_more(&mut self, id: SocketId, by: LinkId) -> bool {
        let astray = self.astray.entry(id).or_insert(Astray { by, frames: 0 });
        if astray.by != by {
            *astray = Astray { by, frames: 0 };
        }
        astray.frames = astray.frames.saturating_add(1);
        let moves = astray.frames >= PATIENCE;
        if moves {
            self.astray.remove(&id);
        }
        moves
    }

    /// A connection that lives well is to live elsewhere.
    pub(crate) fn begin_move(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        home: LinkId,
        goal: Goal,
    ) {
        let mut moving = Move::new(now, home, self.config.retry_min, Cause::Wish);
        moving.goal = Some(goal);
        self.enter(core, id, moving);
    }
}

/// The function of a policy. What it makes of a connection is what Linux makes of its packets.
fn spread(policy: XmitHashPolicy) -> Spread {
    match policy {
        XmitHashPolicy::Layer2 => |_, own, hop| fold(layer2(own, hop)),
        XmitHashPolicy::Layer23 => |tuple, own, hop| fold(layer2(own, hop) ^ addresses(tuple)),
        XmitHashPolicy::Layer34 => |tuple, _, _| {
            let ports = u32::from(tuple.local.port()) << 16 | u32::from(tuple.remote.port());
            // The lowest bit of a local port is not drawn from all that there are (Linux takes it off).
            fold(ports ^ addresses(tuple)) >> 1
        },
    }
}

fn layer2(own: Mac, hop: Mac) -> u32 {
    const IPV4: u32 = 0x0800;
    u32::from(own[5]) ^ u32::from(hop[5]) ^ IPV4
}

fn addresses(tuple: &FourTuple) -> u32 {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.to_bits(),
    };
    bits(tuple.local.ip()) ^ bits(tuple.remote.ip())
}

fn fold(hash: u32) -> u32 {
    let hash = hash ^ hash >> 16;
    hash ^ hash >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 10.77.0.2 ^ 10.77.0.1 = 3; 0x01 ^ 0x07 ^ 0x800 = 0x806, folded 0x80e; with the addresses 0x805, folded
    /// 0x80d; ports 0xc000 and 7: 0xc0000007 ^ 3 = 0xc0000004, folded 0xc000c004 and 0xc0c0c0c4, without the lowest bit
    /// 0x60606062.
    #[test]
    fn policies_hash_what_their_names_say() {
        let tuple = FourTuple {
            local: ([10, 77, 0, 2], 0xc000).into(),
            remote: ([10, 77, 0, 1], 7).into(),
        };
        let (own, hop) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 7]);
        let hash = |policy| spread(policy)(&tuple, own, hop);
        assert_eq!(hash(XmitHashPolicy::Layer2), 0x80e);
        assert_eq!(hash(XmitHashPolicy::Layer23), 0x80d);
        assert_eq!(hash(XmitHashPolicy::Layer34), 0x6060_6062);
    }
}
