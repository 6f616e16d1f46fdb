//! The detour of a single connection: one whose link lives is to move, alone.
//!
//! Where a link has failed all its next hops lead into the loopback, and so its connections cross the host. Of one that
//! moves by wish the others are not to know: its TCB is given another next hop (L2T_IX), which leads into the loopback,
//! and when the card has answered, what it says comes to the host. From there on everything is as after a failure. A move
//! that comes to nothing gives the TCB its former next hop back.

use mafo_mem::Nanos;
use mafo_pmd::l2t::L2tTarget;
use mafo_pmd::ofld::{self, Refused, Via};
use mafo_pmd::question::Question;
use mafo_stack::tom::Member;
use mafo_stack::{Core, SocketId};
use mafo_t4::cpl::{ReplyCtrl, SetTcbField, SetTcbRpl, Status};
use mafo_t4::tcb::field;
use mafo_t4::{L2tIdx, Tid};

use crate::bond::{Bond, LinkId};
use crate::question::cookie;

/// How far a connection has come that crosses the host alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detour {
    /// It takes the way of all others.
    None,
    /// Its TCB is to name this next hop, which leads into the loopback; the card has been asked.
    Out(L2tIdx),
    /// It does.
    On,
    /// It is to name this one, which leads to the wire.
    Back(L2tIdx),
}

impl Bond {
    /// Whether what a connection says comes to the host, so that its move can begin; if not, that is seen to.
    pub(crate) fn is_detoured(&mut self, now: Nanos, core: &mut Core, id: SocketId) -> bool {
        let Some(moving) = self.moves.get(id) else { return false };
        match moving.detour {
            Detour::On => return true,
            Detour::Out(_) | Detour::Back(_) => return false,
            Detour::None => {}
        }
        if !leads_out(core, id) {
            return true;
        }
        let (Some(tuple), Some(conn)) = (core.tuple(id), core.offloaded(id)) else { return false };
        let home = LinkId { member: conn.member, port: conn.port };
        let Some((next_hop, _)) = core.hop_towards(now, tuple.remote.ip()) else {
            self.counters.no_next_hop += 1;
            return self.look_again(now, id);
        };
        let looped = core.member_mut(home.member).map(|m| m.acquire_loop(next_hop, home.port));
        match looped {
            Some(Ok(Some(l2t))) => {
                self.ask_detour(now, core, id, home, Detour::Out(l2t));
                false
            }
            Some(_) => {
                self.counters.ring_full += 1;
                self.look_again(now, id)
            }
            None => false,
        }
    }

    /// Whether a connection that stays where it is takes the way of all others again; if not, that is seen to.
    pub(crate) fn is_back(&mut self, now: Nanos, core: &mut Core, id: SocketId) -> bool {
        let Some(moving) = self.moves.get(id) else { return true };
        match moving.detour {
            Detour::None => return true,
            Detour::Out(_) | Detour::Back(_) => return false,
            Detour::On => {}
        }
        let (Some(tuple), Some(conn)) = (core.tuple(id), core.offloaded(id)) else { return true };
        let home = LinkId { member: conn.member, port: conn.port };
        if !self.is_queue_clear(now, core, home) {
            return self.look_again(now, id);
        }
        let Some((next_hop, mac)) = core.hop_towards(now, tuple.remote.ip()) else {
            self.counters.no_next_hop += 1;
            return self.look_again(now, id);
        };
        let hop = core.member_mut(home.member).map(|m| m.acquire_hop(next_hop, home.port, mac));
        if let Some(Ok(Some(l2t))) = hop {
            self.ask_detour(now, core, id, home, Detour::Back(l2t));
            return false;
        }
        self.counters.ring_full += 1;
        self.look_again(now, id)
    }

    fn look_again(&mut self, now: Nanos, id: SocketId) -> bool {
        if let Some(moving) = self.moves.get_mut(id) {
            moving.wake_up = now + self.config.reply_deadline;
        }
        false
    }

    /// Has the card write another next hop into a TCB.
    fn ask_detour(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        home: LinkId,
        detour: Detour,
    ) {
        let (Detour::Out(l2t) | Detour::Back(l2t)) = detour else { return };
        let Some(tid) = core.offloaded(id).map(|conn| conn.tid) else { return };
        let Some(member) = core.member_mut(home.member) else { return };
        if write_hop(member, tid, detour).is_err() {
            member.release_hop(l2t);
            self.counters.ring_full += 1;
            self.look_again(now, id);
        } else if let Some(moving) = self.moves.get_mut(id) {
            moving.detour = detour;
            moving.question = Some(Question::new(now, self.config.reply_deadline));
        }
    }

    /// Asks once more for what [`Bond::ask_detour`] asked for.
    pub(crate) fn ask_detour_again(&self, core: &mut Core, id: SocketId) -> Result<(), Refused> {
        let Some(moving) = self.moves.get(id) else { return Ok(()) };
        let Some(tid) = core.offloaded(id).map(|conn| conn.tid) else { return Ok(()) };
        let Some(member) = core.member_mut(moving.home.member) else { return Ok(()) };
        write_hop(member, tid, moving.detour)
    }

    /// The card has written what [`Bond::ask_detour`] asked for. `false`: it was not asked, or has answered before.
    pub(crate) fn on_detour(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        reply: &SetTcbRpl,
    ) -> bool {
        let Some(moving) = self.moves.get_mut(id) else { return false };
        let (l2t, detour) = match (moving.detour, reply.cookie().cookie()) {
            (Detour::Out(l2t), cookie::OUT) => (l2t, Detour::On),
            (Detour::Back(l2t), cookie::BACK) => (l2t, Detour::None),
            _ => return false,
        };
        if reply.status() != Status::NONE {
            // As if it had not answered.
            return true;
        }
        (moving.detour, moving.wake_up) = (detour, now);
        // Unless that is about an entry.
        moving.question.take_if(|_| moving.entry_asked.is_none());
        if detour == Detour::None
            && let Some(conn) = core.offloaded(id)
            && let Some(looped) = core.member(conn.member).and_then(|m| m.lcore.l2t.get(conn.l2t))
        {
            self.note_remnants(conn.member, looped.port);
        }
        core.change_hop(id, l2t);
        if detour == Detour::None {
            // Its link may have failed meanwhile.
            self.point_hops(now, core);
        }
        true
    }

    /// A connection is over while its TCB was being given another next hop: nobody uses that one.
    pub(crate) fn drop_detour(&mut self, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.note(id) else { return };
        let detour = core::mem::replace(&mut moving.detour, Detour::None);
        let home = moving.home.member;
        if let (Detour::Out(l2t) | Detour::Back(l2t), Some(member)) =
            (detour, core.member_mut(home))
        {
            member.release_hop(l2t);
        }
    }
}

/// Has the card write the next hop of a detour into a TCB. Twice is as good as once.
fn write_hop(member: &mut Member, tid: Tid, detour: Detour) -> Result<(), Refused> {
    let (l2t, cookie) = match detour {
        Detour::Out(l2t) => (l2t, cookie::OUT),
        Detour::Back(l2t) => (l2t, cookie::BACK),
        Detour::None | Detour::On => return Ok(()),
    };
    let write = SetTcbField::of(tid, field::L2T_IX, u64::from(l2t.0))
        .with_reply_ctrl(ReplyCtrl::to(member.iq()))
        .with_cookie(cookie);
    ofld::set_tcb_field(Via::Control(&mut member.lcore.ctrl), &write)
}

/// Whether what a connection's card says goes to a wire, past the host.
pub(crate) fn leads_out(core: &Core, id: SocketId) -> bool {
    let Some(conn) = core.offloaded(id) else { return false };
    let says = core.member(conn.member).and_then(|member| member.lcore.l2t.get(conn.l2t));
    says.is_some_and(|says| says.target == L2tTarget::Wire)
}
