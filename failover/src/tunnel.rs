//! The forwarder: frames of connections that live elsewhere than on the active link cross the host.
//!
//! What becomes of a frame depends on who owns its connection at this moment, never on when it came.
//! To drop is always safe, since TCP asks again; to hand a frame to the wrong owner, or to let speak
//! who no longer owns the connection, never is.

use mafo_mem::Nanos;
use mafo_pmd::eth::{TxChecksum, TxTo};
use mafo_stack::packet::{self, ETHERNET_HEADER};
use mafo_stack::{Core, Defect, FourTuple, MemberId, SocketId, Verdict};
use mafo_t4::PortId;
use mafo_tcp::Flags;

use crate::backlog::Taken;
use crate::bond::{Bond, LinkId};
use crate::detour::{Detour, leads_out};
use crate::entry::is_search;
use crate::handover::Move;
use crate::mac::{own_mac, readdress};
use crate::snoop::Seen;
use crate::stage::Stage;

/// A marker on its way through an Ethernet queue and the loopback behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) number: u64,
    /// When it counts as lost.
    pub(crate) deadline: Nanos,
}

/// The first ingress port that is a loopback.
const LOOPBACK: u8 = 4;

impl Bond {
    /// Decides about a frame that no TCB of `member` took.
    pub(crate) fn forward(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        iport: u8,
        frame: &[u8],
    ) -> Verdict {
        let link = LinkId { member, port: PortId(iport) };
        let is_active = self.takes_from(link);
        if !self.is_for_us(core, link, frame) {
            self.counters.not_for_us += 1;
            return Verdict::Taken;
        }
        if iport < LOOPBACK {
            self.note_heard(link, frame);
        }
        let Some(seen) = Seen::of(frame) else {
            // ARP and the like are for the active port alone: two members would answer one question.
            if is_active {
                return Verdict::Stack;
            }
            self.counters.backup_drops += 1;
            return Verdict::Taken;
        };
        let ours = core.address();
        if iport >= LOOPBACK {
            if seen.src.ip() == ours {
                if seen.dst.ip() == ours {
                    self.on_marker(now, core, (member, PortId(iport - LOOPBACK)), &seen, frame);
                } else {
                    self.tunnel_out(now, core, member, &seen, frame);
                }
                return Verdict::Taken;
            }
            if is_search(&seen.segment)
                && self.on_entry_found(now, core, member, &seen.inbound(), None)
            {
                return Verdict::Taken;
            }
            // We put it there and nobody took it. A connection that is ours still has an owner that will
            // hear of it again; what is nobody's is answered as such. Only to one that is about to live it is given again.
            if let Some(id) = core.lookup(&seen.inbound()) {
                if !self.replay_again(core, id, member, frame) {
                    self.counters.stray_looped += 1;
                }
                return Verdict::Taken;
            }
            return Verdict::Stack;
        }
        // What of a connection comes by a link that was left while it was up had been on its way before. It may also be a
        // copy that the switch made, which is no harm, but for a SYN: a listener might take it for another connection.
        if !is_active
            && (seen.segment.flags.contains(Flags::SYN) || core.lookup(&seen.inbound()).is_none())
        {
            self.counters.backup_drops += 1;
            return Verdict::Taken;
        }
        if self.backlog.is_empty()
            && let Taken::For(verdict) = self.take_from_wire(now, core, link, &seen, frame)
        {
            return verdict;
        }
        self.wait_for_room(link, frame);
        Verdict::Taken
    }

    /// A frame of the peer that came in by `link`, or the decision that it has to wait.
    pub(crate) fn take_from_wire(
        &mut self,
        now: Nanos,
        core: &mut Core,
        link: LinkId,
        seen: &Seen,
        frame: &[u8],
    ) -> Taken {
        let LinkId { member, port } = link;
        let tuple = seen.inbound();
        let Some(id) = core.lookup(&tuple) else {
            let is_syn = seen.segment.flags.contains(Flags::SYN)
                && !seen.segment.flags.intersects(Flags::ACK | Flags::RST);
            if is_syn && !self.is_plain(member) {
                // The standing rule may have taken it ahead of the listeners, also one that is gone by now; from the
                // loopback it reaches them.
                if !self.has_room(core, link) {
                    return Taken::NoRoom;
                }
                self.counters.syns_returned += 1;
                self.inject(core, member, port, frame);
                return Taken::For(Verdict::Taken);
            }
            return Taken::For(Verdict::Stack);
        };
        let Some(conn) = core.offloaded(id) else {
            return Taken::For(self.take_home(now, core, (id, link), seen, frame));
        };
        let (owner, home) = (conn.member, conn.port);
        let is_held = self.moves.get(id).is_some_and(Move::holds);
        if !is_held && !self.has_room(core, LinkId { member: owner, port: home }) {
            return Taken::NoRoom;
        }
        let is_active = self.takes_from(link);
        let rcv_nxt = core.progress(id).map(|progress| progress.rcv_nxt);
        let kept_max = self.config.let_in_frames;
        self.adopt_early(now, core, id);
        let moving = self.moves.note(id);
        let mut is_first = false;
        let held = moving.is_some_and(|moving| {
            is_first = is_active && moving.heard.replace(now).is_none();
            let held = moving.holds();
            if let Some(rcv_nxt) = rcv_nxt.filter(|_| !held) {
                moving.let_in.note(rcv_nxt, &seen.segment, frame, kept_max);
            }
            held
        });
        self.counters.taken_from_left += u64::from(!is_active);
        self.note_proof(now, id, &seen.segment);
        if is_first {
            // It need not wait any longer.
            self.moves.touch(id);
        }
        if held {
            self.hold(id, frame);
        } else if owner != member {
            self.counters.tunnelled_in += 1;
            self.note_astray(now, core, id, link);
            self.inject(core, owner, home, frame);
        } else {
            // It was on its way to the host when its connection went live here.
            self.counters.late_returned += 1;
            self.inject(core, owner, home, frame);
        }
        Taken::For(Verdict::Taken)
    }

    /// A frame of the peer for a connection that the host path has.
    fn take_home(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (id, link): (SocketId, LinkId),
        seen: &Seen,
        frame: &[u8],
    ) -> Verdict {
        if !self.note_doubt(now, id, &seen.segment) {
            return Verdict::Taken;
        }
        self.note_proof(now, id, &seen.segment);
        self.note_at_home(now, core, id, link);
        if self.takes_from(link) {
            return Verdict::Stack;
        }
        // It may be for the address that the bond had when it was sent.
        self.give_to_host(now, core, link.member, frame.to_vec());
        Verdict::Taken
    }

    /// A frame that `member` sends for one of its connections, by way of its loopback.
    fn tunnel_out(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        seen: &Seen,
        frame: &[u8],
    ) {
        let tuple = seen.outbound();
        let owner = core.lookup(&tuple).filter(|&id| owns(core, id, member));
        let Some(id) = owner else {
            self.last_word(now, core, &tuple, seen, frame);
            return;
        };
        if !is_settled(core, id) {
            // Whoever reads the queue was late, and the way led to the wire in between: what left by that is newer. The
            // answer that says that it leads here again is behind all such.
            self.counters.late_looped += 1;
            return;
        }
        if self.is_remnant(member, id) {
            self.counters.late_looped += 1;
            return;
        }
        let scale = core.offloaded(id).map_or(0, |conn| conn.rcv_scale);
        self.adopt_early(now, core, id);
        if let Some(moving) = self.moves.note(id) {
            let late = core.has_defect(Defect::GateLate) && moving.stage == Stage::Gated;
            if moving.is_gated() && !late && !core.has_defect(Defect::NoFence) {
                self.counters.fenced_frames += 1;
                return;
            }
            if moving.let_out.says_more(&seen.segment, scale) {
                // The card had made it before a proof was asked for, and is heard again.
                self.counters.fenced_frames += 1;
                return;
            }
            moving.let_out.note(&seen.segment, scale);
        }
        let is_active = self.active.is_some_and(|active| active.member == member);
        let goes_back = self.moves.get(id).is_some_and(|m| matches!(m.detour, Detour::Back(_)));
        let is_turned = leads_out(core, id) || goes_back || self.is_turning(member);
        let is_late = (is_active || self.is_xor()) && is_turned;
        if is_late && !core.has_defect(Defect::LoopedLate) {
            // It went into the loopback before its adapter became active again, or its detour was over. What
            // the adapter says now, or soon, leaves by the wire, ahead of this.
            self.counters.late_looped += 1;
            return;
        }
        if !self.carries {
            return;
        }
        if self.way_of(id).is_some_and(|way| way.member == member) {
            self.note_own_queue(member);
        }
        self.send_out(now, core, id, &tuple, frame);
    }

    /// A looped frame whose sender has no connection any more. A reset comes behind the message that ends the connection
    /// for the host: the peer is to hear of it, if nobody else has these addresses now. All else is dropped, the ACK of a
    /// peer's FIN too: TIME_WAIT, which the host keeps, answers the next one.
    fn last_word(
        &mut self,
        now: Nanos,
        core: &mut Core,
        tuple: &FourTuple,
        seen: &Seen,
        frame: &[u8],
    ) {
        let is_reset = seen.segment.flags.contains(Flags::RST) && core.lookup(tuple).is_none();
        match self.active.filter(|_| self.carries && is_reset) {
            Some(way) => self.send_by(now, core, way, tuple, frame),
            None => self.counters.stray_looped += 1,
        }
    }

    /// Sends a frame to the peer by the link that its connection is to use, with our MAC and that of the next hop.
    pub(crate) fn send_out(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        tuple: &FourTuple,
        frame: &[u8],
    ) {
        if let Some(way) = self.way_of(id) {
            self.send_by(now, core, way, tuple, frame);
        }
    }

    fn send_by(
        &mut self,
        now: Nanos,
        core: &mut Core,
        active: LinkId,
        tuple: &FourTuple,
        frame: &[u8],
    ) {
        if !self.is_up(active) {
            // Queued there it could leave when the link is back, behind newer ones by another.
            self.counters.tx_down += 1;
            return;
        }
        let Some(mac) = self.mac_towards(now, core, tuple.remote.ip()) else { return };
        let own = core.mac();
        let mut copy = core.scratch();
        copy.clear();
        copy.extend_from_slice(frame);
        if copy.len() >= ETHERNET_HEADER {
            copy[..6].copy_from_slice(&mac);
            copy[6..12].copy_from_slice(&own);
        }
        // The checksums are those of the card that made the segment.
        let sent = send(core, active.member, active.port, &copy, TxTo::Wire);
        core.put_scratch(copy);
        if sent {
            self.counters.tunnelled_out += 1;
            if let Some(link) = self.link_mut(active) {
                link.note_carried(now);
            }
            self.on_tunnelled(now);
        } else {
            self.counters.tx_full += 1;
        }
    }

    /// Puts a frame into an adapter as if it had come in by a loopback port: its connection takes it.
    pub(crate) fn inject(&mut self, core: &mut Core, member: MemberId, port: PortId, frame: &[u8]) {
        let own = own_mac(core, LinkId { member, port }).filter(|_| !self.has_mac_everywhere());
        let sent = if let Some(own) = own {
            let mut copy = core.scratch();
            copy.clear();
            copy.extend_from_slice(frame);
            readdress(&mut copy, own);
            let sent = send(core, member, port, &copy, TxTo::Loopback);
            core.put_scratch(copy);
            sent
        } else {
            send(core, member, port, frame, TxTo::Loopback)
        };
        if !sent {
            self.counters.tx_full += 1;
        }
    }

    /// Keeps a frame of the peer until its connection has an owner again.
    fn hold(&mut self, id: SocketId, frame: &[u8]) {
        let Some(moving) = self.moves.note(id) else { return };
        if moving.held.len() >= self.config.hold_frames {
            self.counters.hold_overflows += 1;
            return;
        }
        self.counters.held_frames += 1;
        moving.held.push_back(frame.to_vec());
    }

    /// Gives held frames to the connection's owner, in the order in which they came.
    pub(crate) fn release_held(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let owner = core.offloaded(id).map(|conn| (conn.member, conn.port));
        let Some(moving) = self.moves.get_mut(id) else { return };
        let old = core.has_defect(Defect::HeldToOld).then_some(moving.home);
        let owner = old.map(|home| (home.member, home.port)).or(owner);
        let mut held = core::mem::take(&mut moving.held);
        if core.has_defect(Defect::HeldReversed) {
            held.make_contiguous().reverse();
        }
        let owner = owner.map(|(member, port)| LinkId { member, port });
        self.give(now, core, owner, held);
    }

    /// Sends a marker behind all that the Ethernet queue of a link holds, if there is room for it.
    pub(crate) fn mark(&mut self, now: Nanos, core: &mut Core, through: LinkId) -> Option<Marker> {
        self.batches += 1;
        let number = self.batches;
        if !self.send_marker(core, through.member, through.port, number) {
            self.counters.tx_full += 1;
            return None;
        }
        Some(Marker { number, deadline: now + self.config.reply_deadline })
    }

    /// Sends a marker through the same queue and loopback as the frames that were injected into
    /// `member`: when it is back, all of them have been through the adapter's TP.
    fn send_marker(
        &mut self,
        core: &mut Core,
        member_id: MemberId,
        port: PortId,
        batch: u64,
    ) -> bool {
        let ours = core.address();
        let Some(member) = core.member(member_id) else { return false };
        let Some(own) = member.lcore.resources().port(port).map(|p| p.mac) else { return false };
        let mut frame = [0; 64];
        let segment = mafo_tcp::Segment {
            flags: Flags::ACK,
            dst_port: core.port_to_self(),
            payload_len: 8,
            ..Default::default()
        };
        let len =
            packet::emit_tcp(&mut frame, (own, own), (ours, ours), &segment, &batch.to_be_bytes());
        send(core, member_id, port, &frame[..len], TxTo::Loopback)
    }

    fn on_marker(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (member, port): (MemberId, PortId),
        seen: &Seen,
        frame: &[u8],
    ) {
        let end = ETHERNET_HEADER + packet::IPV4_HEADER + seen.segment.header_len() + 8;
        let number = frame.get(end - 8..end).and_then(|bytes| bytes.try_into().ok());
        match number.map(u64::from_be_bytes) {
            Some(number) => self.on_flushed(now, core, (member, port), number),
            None => self.counters.stray_looped += 1,
        }
    }
}

/// Whether the adapter has taken over what was last written to a connection's next hop.
pub(crate) fn is_settled(core: &Core, id: SocketId) -> bool {
    let Some(conn) = core.offloaded(id) else { return false };
    core.member(conn.member).is_some_and(|member| member.lcore.l2t.is_settled(conn.l2t))
}

fn owns(core: &Core, id: SocketId, member: MemberId) -> bool {
    core.offloaded(id).is_some_and(|conn| conn.member == member)
}

/// Sends a frame by an Ethernet queue, its checksums as they are. `false` when the queue is full.
pub(crate) fn send(
    core: &mut Core,
    member: MemberId,
    port: PortId,
    frame: &[u8],
    to: TxTo,
) -> bool {
    let Some(member) = core.member_mut(member) else { return core.send_by_port(member, frame) };
    let Some(index) = member.lcore.port_index(port) else { return false };
    member.lcore.eth[index].send(frame, to, TxChecksum::Keep).is_ok()
}
