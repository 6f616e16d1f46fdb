//! Messages of the adapters, each to whom it concerns; and the seam at which a bond sees them first.

use mafo_mem::FrameBurst;
use mafo_mem::Nanos;
use mafo_pmd::ToLcore;
use mafo_pmd::sge::Ingress;
use mafo_t4::cpl::{self, Cpl, Opcode};
use mafo_t4::{PortId, Tid};

use super::member::AtidUse;
use super::overdue::is_state_of_tcb;
use super::{Fence, MemberId, TidUse};
use crate::core::Core;
use crate::slab::SocketId;

/// Messages taken from an adapter at a time.
const INGRESS_BURST: usize = 256;
/// And at least: however full the way out of the frames among them is, it goes on.
const INGRESS_MIN: usize = 32;

/// The first ingress port that is a loopback.
const LOOPBACK: u8 = 4;

/// The layout of a message; one that is shorter is counted and dropped.
fn layout<'a, T: Cpl>(bytes: &'a [u8], short: &mut u64) -> Option<&'a T> {
    let cpl = cpl::parse(bytes);
    *short += u64::from(cpl.is_none());
    cpl
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the stack's.
    Stack,
    /// Somebody took it, or dropped it.
    Taken,
}

/// Who sees the adapters' frames and answers before the stack does: a bond.
pub trait Hook {
    /// How many messages of `member` are taken from its queue in this poll, at most, or frames from a port's cable. All news
    /// of links have been told before. Who says 0 wakes the stack himself when that is over.
    fn budget(&mut self, _now: Nanos, _core: &Core, _member: MemberId) -> usize {
        usize::MAX
    }

    /// A frame that no connection on `member` took. It came in by port `iport` of it; from 4 on these are an adapter's
    /// loopbacks.
    fn on_frame(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        iport: u8,
        frame: &[u8],
    ) -> Verdict;

    /// A message of `member` that the stack did not ask for: an answer about a TCB, about a filter, or
    /// about a tid that is the hook's.
    fn on_cpl(&mut self, now: Nanos, core: &mut Core, member: MemberId, opcode: Opcode, cpl: &[u8]);

    /// The handshake of `id` is through.
    fn on_open(&mut self, now: Nanos, core: &mut Core, id: SocketId);

    /// The owner of `id` is silenced: the answer to the abort of its old tid is here, and all that the
    /// old owner had to say came before.
    fn on_fenced(&mut self, now: Nanos, core: &mut Core, id: SocketId);

    /// `id` now uses `port` of its adapter: nothing of it is under way on the old channel.
    fn on_channel(&mut self, now: Nanos, core: &mut Core, id: SocketId, port: PortId);

    /// A frame through a loopback was taken to the host by an entry of `member`, which is none of the stack's. Whether
    /// that was all there was to it.
    fn on_looped_hit(&mut self, _: Nanos, _: &mut Core, _: (MemberId, Tid), _: &[u8]) -> bool {
        false
    }

    /// A message about a tid of the hook's. Whether only a connection that lives can have it, which is one of the stack
    /// from now on, though the answer that says so has not been heard.
    fn on_life(
        &mut self,
        now: Nanos,
        core: &mut Core,
        of: (MemberId, SocketId),
        opcode: Opcode,
        cpl: &[u8],
    ) -> bool;

    /// A port's link went up or down, as an adapter's firmware says or the port itself.
    fn on_link(&mut self, now: Nanos, core: &mut Core, member: MemberId, port: PortId, up: bool);
}

/// No bond: every frame is the stack's.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHook;

impl Hook for NoHook {
    fn on_frame(&mut self, _: Nanos, _: &mut Core, _: MemberId, _: u8, _: &[u8]) -> Verdict {
        Verdict::Stack
    }
    fn on_cpl(&mut self, _: Nanos, core: &mut Core, _: MemberId, _: Opcode, _: &[u8]) {
        core.counters.tom_unexpected += 1;
    }
    fn on_open(&mut self, _: Nanos, _: &mut Core, _: SocketId) {}
    fn on_fenced(&mut self, _: Nanos, _: &mut Core, _: SocketId) {}
    fn on_channel(&mut self, _: Nanos, _: &mut Core, _: SocketId, _: PortId) {}
    fn on_life(
        &mut self,
        _: Nanos,
        _: &mut Core,
        _: (MemberId, SocketId),
        _: Opcode,
        _: &[u8],
    ) -> bool {
        false
    }
    fn on_link(&mut self, _: Nanos, _: &mut Core, _: MemberId, _: PortId, _: bool) {}
}

impl Core {
    /// Takes what the adapters' queues and control planes have.
    pub(crate) fn poll_adapters(&mut self, now: Nanos, hook: &mut dyn Hook) {
        self.now = now;
        for n in 0..self.members.len() {
            let member = MemberId(n as u8);
            if !self.has_queues(member) {
                continue;
            }
            while let Some(message) = self.members[n].lcore.poll_control() {
                if let ToLcore::Link { port, state } = message {
                    hook.on_link(now, self, member, port, state.up);
                }
            }
        }
        // The same for all until messages have been handled.
        let mut room = None;
        for n in 0..self.members.len() {
            let member = MemberId(n as u8);
            if !self.has_queues(member) {
                continue;
            }
            let most = hook.budget(now, self, member);
            self.members[n].is_read_out = false;
            if most == 0 {
                self.members[n].is_cut_short = false;
                continue;
            }
            // Out of its place while its messages are handled: they may post on all other queues.
            let Some(mut ingress) = self.members[n].lcore.ingress.take() else { continue };
            let budget = room.unwrap_or_else(|| self.ingress_budget());
            room = Some(budget);
            let budget = budget.min(most);
            let taken = ingress.burst(now, budget, |message| {
                self.handle_ingress(now, hook, member, message);
            });
            room = room.filter(|_| taken == 0);
            let member = &mut self.members[n];
            member.lcore.ingress = Some(ingress);
            (member.is_read_out, member.is_cut_short) = (taken < budget, taken == budget);
        }
    }

    /// Whether a member is an adapter that lives.
    fn has_queues(&self, member: MemberId) -> bool {
        !self.is_dead(member) && self.is_adapter(member)
    }

    /// Takes what Ethernet ports that are no adapter's have.
    pub(crate) fn poll_ports(&mut self, now: Nanos, hook: &mut dyn Hook, rx: &mut FrameBurst) {
        self.now = now;
        for n in 0..self.members.len() {
            let member = MemberId(n as u8);
            if self.is_dead(member) || self.is_adapter(member) {
                continue;
            }
            let waits = hook.budget(now, self, member) == 0;
            let Some(port) = self.members.port_mut(member) else { continue };
            rx.clear();
            if waits {
                // Its link is looked at all the same.
                port.receive(now, &mut FrameBurst::new(0, 0));
            } else {
                port.receive(now, rx);
            }
            if let Some(up) = port.poll_link() {
                hook.on_link(now, self, member, PortId(0), up);
            }
            self.handle_frames(now, hook, member, rx.frames());
        }
    }

    /// Messages that are taken from a queue now: any of them may be a frame that leaves by an Ethernet queue, and what
    /// those have no room for waits better in the card, which can pause the sender, than to be lost here.
    fn ingress_budget(&mut self) -> usize {
        let alive = self.members.adapters_mut().filter(|member| !member.is_dead());
        let queues = alive.flat_map(|member| &mut member.lcore.eth);
        let room = queues.map(|queue| queue.room(INGRESS_BURST)).min();
        room.unwrap_or(INGRESS_BURST).clamp(INGRESS_MIN, INGRESS_BURST)
    }

    /// Takes a message of `member`'s ingress queue.
    pub fn handle_ingress(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        member: MemberId,
        message: Ingress<'_>,
    ) {
        self.now = now;
        match message {
            Ingress::RxPkt { meta, frame } => {
                if let Some(tid) = meta.hit().filter(|_| meta.iport() >= LOOPBACK)
                    && hook.on_looped_hit(now, self, (member, tid), frame)
                {
                    return;
                }
                if hook.on_frame(now, self, member, meta.iport(), frame) == Verdict::Stack {
                    self.handle_frame(now, member, frame);
                }
            }
            // These bring a tid that is not in the table yet. One that the card cannot have is not taken
            // up, not even to let it go: no work request could name it.
            Ingress::Cpl {
                opcode: Opcode::PASS_ACCEPT_REQ | Opcode::ACT_ESTABLISH, tid, ..
            } if tid.0 >= self.members[member.index()].lcore.resources().ntids => {
                self.counters.tom_unexpected += 1;
            }
            Ingress::Cpl { opcode, tid, bytes, payload } => match opcode {
                Opcode::RX_DATA => {
                    if let Some(TidUse::Hook(id)) = self.members[member.index()].tids.get(tid) {
                        let id = *id;
                        hook.on_life(now, self, (member, id), opcode, bytes);
                    }
                    let Some(id) = self.connection(member, tid) else {
                        return self.hooked(now, hook, member, (opcode, tid), bytes);
                    };
                    if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                        self.on_rx_data(id, cpl, payload.chunks());
                    }
                }
                Opcode::PASS_ACCEPT_REQ => {
                    let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) else { return };
                    let frame = payload.first();
                    self.on_pass_accept_req(now, member, cpl, frame);
                }
                _ => self.handle_cpl(now, hook, member, (opcode, tid), bytes),
            },
        }
    }

    fn handle_cpl(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        member: MemberId,
        (opcode, tid): (Opcode, Tid),
        bytes: &[u8],
    ) {
        match opcode {
            Opcode::L2T_WRITE_RPL => {
                let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) else { return };
                if self.members[member.index()].lcore.l2t.on_reply(cpl).is_none() {
                    self.counters.tom_unexpected += 1;
                }
            }
            Opcode::SMT_WRITE_RPL => {
                let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) else { return };
                if self.members[member.index()].lcore.smt.on_reply(cpl).is_none() {
                    self.counters.tom_unexpected += 1;
                }
            }
            Opcode::PASS_OPEN_RPL => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_pass_open_rpl(member, cpl);
                }
            }
            Opcode::CLOSE_LISTSRV_RPL => {
                if let Some(cpl) =
                    layout::<cpl::CloseListsrvRpl>(bytes, &mut self.counters.tom_short_cpl)
                {
                    self.members[member.index()].stids.remove(cpl.stid());
                }
            }
            Opcode::ACT_OPEN_RPL => {
                let Some(cpl) = layout::<cpl::ActOpenRpl>(bytes, &mut self.counters.tom_short_cpl)
                else {
                    return;
                };
                match self.members[member.index()].atids.get(cpl.atid()) {
                    Some(AtidUse::Hook(_) | AtidUse::Spent)
                        if !cpl.status().is_negative_advice() =>
                    {
                        hook.on_cpl(now, self, member, opcode, bytes);
                    }
                    _ => self.on_act_open_rpl(member, cpl),
                }
            }
            Opcode::ACT_ESTABLISH => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_act_establish(member, cpl);
                    if let Some(id) = self.connection(member, tid) {
                        hook.on_open(now, self, id);
                    }
                }
            }
            Opcode::GET_TCB_RPL if self.on_get_tcb_rpl(member, bytes) => {}
            Opcode::SET_TCB_RPL => {
                let Some(reply) = layout::<cpl::SetTcbRpl>(bytes, &mut self.counters.tom_short_cpl)
                else {
                    return;
                };
                if self.on_last_word(member, tid, reply.cookie().cookie()) {
                } else if is_state_of_tcb(reply) {
                    self.on_state_told(now, hook, member, reply);
                } else {
                    hook.on_cpl(now, self, member, opcode, bytes);
                }
            }
            Opcode::GET_TCB_RPL => {
                hook.on_cpl(now, self, member, opcode, bytes);
            }
            _ => match self.connection(member, tid) {
                Some(id) => self.connection_cpl(now, hook, id, opcode, bytes),
                None => self.hooked(now, hook, member, (opcode, tid), bytes),
            },
        }
    }

    /// Messages about a connection of this stack.
    fn connection_cpl(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        id: SocketId,
        opcode: Opcode,
        bytes: &[u8],
    ) {
        match opcode {
            Opcode::FW4_ACK => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl)
                    && let Some(port) = self.on_fw4_ack(id, cpl)
                {
                    hook.on_channel(now, self, id, port);
                }
            }
            Opcode::PASS_ESTABLISH => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_pass_establish(id, cpl);
                    hook.on_open(now, self, id);
                }
            }
            Opcode::PEER_CLOSE => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_peer_close(id, cpl);
                }
            }
            Opcode::RX_URG_NOTIFY => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_rx_urg_notify(id, cpl);
                }
            }
            Opcode::CLOSE_CON_RPL => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_close_con_rpl(id, cpl);
                }
            }
            Opcode::ABORT_REQ_RSS => {
                if let Some(cpl) = layout(bytes, &mut self.counters.tom_short_cpl) {
                    self.on_abort_req(id, cpl);
                }
            }
            Opcode::ABORT_RPL_RSS => match self.offloaded_mut(id) {
                Some(conn) if conn.fence == Fence::Posted => hook.on_fenced(now, self, id),
                _ => self.on_abort_rpl(id),
            },
            _ => self.counters.tom_unexpected += 1,
        }
    }

    /// Messages about a tid that is not a connection's: the hook's, or a dying one's.
    fn hooked(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        member: MemberId,
        (opcode, tid): (Opcode, Tid),
        bytes: &[u8],
    ) {
        match self.members[member.index()].tids.get(tid).copied() {
            Some(TidUse::Hook(id)) => {
                if hook.on_life(now, self, (member, id), opcode, bytes) {
                    self.connection_cpl(now, hook, id, opcode, bytes);
                } else {
                    hook.on_cpl(now, self, member, opcode, bytes);
                }
            }
            Some(TidUse::Dying(l2t)) => {
                if opcode == Opcode::ABORT_RPL_RSS {
                    self.end_dying(member, tid, l2t);
                }
            }
            // Of work that was before the last word.
            Some(TidUse::Leaving(..)) => {}
            Some(TidUse::Connection(_)) | None => self.counters.tom_unexpected += 1,
        }
    }

    fn connection(&self, member: MemberId, tid: Tid) -> Option<SocketId> {
        match self.members[member.index()].tids.get(tid) {
            Some(&TidUse::Connection(id)) => Some(id),
            Some(TidUse::Hook(_) | TidUse::Dying(_) | TidUse::Leaving(..)) | None => None,
        }
    }

    /// Tries again what found no room in a ring, and rings the doorbells.
    pub(crate) fn poll_members(&mut self) {
        let mut stalled = core::mem::take(&mut self.stalled);
        for id in stalled.drain(..) {
            let Some(conn) = self.offloaded_mut(id) else { continue };
            conn.stalled = false;
            if core::mem::take(&mut conn.abort_wanted) {
                self.tom_abort(id);
            } else {
                self.set_switches(id);
                self.tom_post(id);
                self.tom_credit(id);
            }
        }
        // What stalled again is in the new list; there it waits for the next poll.
        if self.stalled.is_empty() {
            self.stalled = stalled;
        }
        let mut releases = core::mem::take(&mut self.releases);
        for (member, tid) in releases.drain(..) {
            self.release_tid(member, tid);
        }
        self.poll_farewells();
        for (member, tid) in core::mem::take(&mut self.rejects) {
            self.reject(member, tid);
        }
        let mut opens = core::mem::take(&mut self.opens);
        let now = self.now;
        for id in opens.drain(..) {
            self.open(now, id);
        }
        self.ring();
    }

    /// Tells the adapters of all that was posted since the last time, and lets ports send what they were given.
    pub fn ring(&mut self) {
        for member in self.members.adapters_mut().filter(|member| !member.is_dead) {
            member.lcore.flush();
        }
        let now = self.now;
        self.members.ports_mut().for_each(|port| port.push(now));
    }
}
