//! Bytes out and in, and the credits for both.

use mafo_pmd::ofld::{self, Mark, Refused, Then, TxCreditPool, TxPayload, Via};
use mafo_t4::cpl::{CreditDack, Fw4Ack, ReplyCtrl, RxData, RxUrgNotify, SetTcbField};
use mafo_t4::tcb::field;
use mafo_t4::wr::{FwOfldTxDataWr, Mnem, Sge};
use mafo_t4::{Iova, PortId, Tid};
use mafo_tcp::SeqNum;

use super::{Fence, Gate, Member, Offloaded};
use crate::buffer::SendBuffer;
use crate::core::Core;
use crate::defect::Defect;
use crate::slab::SocketId;
use crate::socket::{Path, Readiness, SendSide, Socket};

/// Payload of one work request at most: small enough that a buffer is freed bit by bit, large enough
/// that a work request's cost is nothing.
pub(super) const PLEN_MAX: usize = 16 * 1024;
/// Pieces of memory that they lie in, at most: a work request stays short whatever applications lend.
pub(super) const SGES_MAX: usize = 8;
/// Up to this many bytes are copied into the work request: shorter than the scatter list's detour.
const INLINE_MAX: usize = 128;
/// Receive credits are owed for so long...
const CREDITS_OWED: u64 = 64 * 1024;
/// ...unless the peer's view of the window has become so small.
const WINDOW_LOW: u64 = 32 * 1024;

/// Where payload goes: the queue of a tid on an adapter.
pub(super) struct Lane<'a> {
    pub(super) member: &'a mut Member,
    pub(super) port: PortId,
    pub(super) tid: Tid,
    pub(super) credits: &'a mut TxCreditPool,
}

impl Lane<'_> {
    /// Posts the `n` bytes of `tx` at `offset`, at most [`PLEN_MAX`] in [`SGES_MAX`] pieces.
    pub(super) fn post(
        self,
        tx: &SendBuffer,
        offset: u64,
        n: usize,
        (mark, then): (Mark, Then),
    ) -> Result<(), Refused> {
        let Self { member, port, tid, credits } = self;
        if n <= INLINE_MAX.min(FwOfldTxDataWr::MAX_INLINE) {
            let mut bytes = [0; INLINE_MAX];
            tx.read(offset, &mut bytes[..n]);
            let payload = TxPayload::Inline(&bytes[..n]);
            let eq = member.ofld(port).ok_or(Refused::RingFull)?;
            return ofld::tx_data(eq, credits, tid, payload, mark, then);
        }
        let (mut pieces, mut count) = ([Sge { iova: Iova(0), len: 0 }; SGES_MAX], 0);
        for (sge, (memory, piece)) in pieces.iter_mut().zip(tx.pieces(offset, n)) {
            let iova = member.lcore.iova(memory, piece.offset);
            *sge = Sge { iova, len: piece.len as u32 };
            count += 1;
        }
        let payload = TxPayload::Sgl(&pieces[..count]);
        let eq = member.ofld(port).ok_or(Refused::RingFull)?;
        ofld::tx_data(eq, credits, tid, payload, mark, then)
    }
}

impl Core {
    /// Posts what the socket has to send, and the FIN behind it. What finds no room is tried again.
    pub(crate) fn tom_post(&mut self, id: SocketId) {
        self.watch_posting(id);
        let live = self.offloaded(id).is_some_and(|conn| conn.state.is_live());
        let live = live && !self.has_defect(Defect::FlowcOnce);
        if live && self.post_flowc(id).is_err()
            || self.post_payload(id).is_err()
            || self.post_fin(id).is_err()
        {
            self.stall(id);
        }
        self.watch_hold(id);
        self.set_switches(id);
        self.watch_card(id);
    }

    fn post_payload(&mut self, id: SocketId) -> Result<(), Refused> {
        loop {
            let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
            let Path::Offload(conn) = &mut socket.path else { return Ok(()) };
            let member = &mut self.members[conn.member.index()];
            let waiting = (socket.tx.written() - socket.tx.posted()) as usize;
            if waiting == 0 {
                return Ok(());
            }
            let shut = socket.send_side == SendSide::Shutdown;
            let corked = socket.options.cork && !shut;
            let segment = conn.payload_max(member) as usize;
            let waiting = conn.hold.free(corked, socket.tx.posted(), waiting, segment);
            if waiting == 0 || conn.tx_gate == Gate::Shut || !conn.state.can_send() {
                return Ok(());
            }
            let mut n = socket.tx.reach(socket.tx.posted(), waiting.min(PLEN_MAX), SGES_MAX);
            // The card takes the end of a work request for the end of what is urgent.
            let to_mark = socket.urgent.sent.map(|end| end.saturating_sub(socket.tx.posted()));
            let urgent = to_mark.is_some_and(|left| left <= n as u64);
            if let Some(left) = to_mark.filter(|left| urgent && *left > 0) {
                n = left as usize;
            }
            // And with the end of a work request goes a push.
            let to_push = conn.hold.push(socket.tx.written()).checked_sub(socket.tx.posted());
            let to_push = to_push.filter(|left| *left > 0).map(|left| left as usize);
            n = to_push.map_or(n, |left| n.min(left));
            let mark = match to_push {
                _ if urgent => Mark::Urgent,
                Some(left) if left == n => Mark::Push,
                _ => Mark::Plain,
            };
            // The card is asked for an answer when nothing follows, and often enough that the buffer
            // is freed while it is being sent.
            let last = n == waiting || conn.unreported + n >= socket.tx.capacity() / 4;
            let then = if last { Then::Idle } else { Then::More };
            let offset = socket.tx.posted();
            let lane = Lane { member, port: conn.port, tid: conn.tid, credits: &mut conn.credits };
            lane.post(&socket.tx, offset, n, (mark, then))?;
            socket.tx.post(n);
            conn.rhythm.on_payload_sent(self.now);
            if urgent {
                socket.urgent.sent = None;
            }
            conn.posted_any = true;
            conn.unreported = if last { 0 } else { conn.unreported + n };
        }
    }

    /// The socket has no more to say and everything is posted: a FIN.
    fn post_fin(&mut self, id: SocketId) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get(id) else { return Ok(()) };
        let Path::Offload(conn) = &socket.path else { return Ok(()) };
        let due = socket.send_side == SendSide::Shutdown
            && socket.tx.posted() == socket.tx.written()
            && (conn.tx_gate == Gate::Open || self.has_defect(Defect::FinLost))
            && conn.state.can_send()
            && !conn.fin_posted;
        if due { self.post_close(id) } else { Ok(()) }
    }

    /// The path of `id` carries packets of `mtu` bytes: the greatest entry of the card's MTU table that fits.
    /// Larger segments under way are sent again by the card when its timer runs out, if not at once.
    ///
    /// Without room in the ring nothing is done: what is too long is reported again.
    pub(crate) fn tom_set_path_mtu(&mut self, id: SocketId, mtu: u16) {
        let Some(conn) = self.offloaded(id) else { return };
        if !conn.state.is_live() || conn.fence == Fence::Posted {
            return;
        }
        // What the peer announced stays a limit.
        let (member_id, tid, most) = (conn.member, conn.tid, self.mtu_agreed(conn));
        let member = &mut self.members[member_id.index()];
        let resources = member.lcore.resources();
        let index = resources.mtu_index(mtu.min(most));
        let field = field::T_MAXSEG;
        let write = SetTcbField::at(tid, field.word, field.mask(), field.place(index.into()))
            .with_reply_ctrl(ReplyCtrl::SILENT);
        if ofld::set_tcb_field(Via::Control(&mut member.lcore.ctrl), &write).is_err() {
            self.counters.tom_ring_full += 1;
        }
    }

    /// The peer's urgent pointer has moved.
    pub(crate) fn on_rx_urg_notify(&mut self, id: SocketId, cpl: &RxUrgNotify) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        let received = socket.rx.received();
        let ahead = SeqNum(cpl.seq()).since(conn.rcv_seq(received)) as i32;
        match received.checked_add_signed(i64::from(ahead)) {
            Some(end) => self.on_urgent(id, end),
            None => self.counters.tom_bad_seq += 1,
        }
    }

    /// Work requests of a connection are done with, or the peer acknowledged bytes.
    /// The port that the connection changed to, when that is what it completes.
    pub(crate) fn on_fw4_ack(&mut self, id: SocketId, cpl: &Fw4Ack) -> Option<PortId> {
        let socket = self.sockets.get_mut(id)?;
        let Path::Offload(conn) = &mut socket.path else { return None };
        let given = if cpl.flags().ch() {
            conn.credits.give_back_change(cpl.credits())
        } else {
            conn.credits.give_back(cpl.credits()).map(|_| ())
        };
        if given.is_err() {
            self.counters.tom_bad_credits += 1;
        }
        let (mut freed, mut progressed) = (0, false);
        if cpl.flags().seqval() {
            let base = socket.tx.acked();
            match conn.snd_offset(base, SeqNum(cpl.snd_una())) {
                // One beyond the last byte is our FIN.
                Some(offset) if offset <= socket.tx.posted() + 1 => {
                    freed = socket.tx.ack(offset.min(socket.tx.posted()));
                    if freed > 0 {
                        socket.watch.progress_at = self.now;
                    }
                }
                _ => self.counters.tom_bad_ack += 1,
            }
        }
        let changed = if cpl.flags().ch() { conn.changing_to.take() } else { None };
        if let Some(port) = changed {
            conn.port = port;
            conn.tx_gate = Gate::Open;
        }
        if freed > 0 {
            progressed = true;
            let (member, l2t) = (conn.member, conn.l2t);
            conn.hold.release();
            self.members[member.index()].note_heard(l2t, self.now);
            self.tell(id, Readiness::WRITABLE);
        }
        if progressed {
            self.want_sample(id);
        }
        self.tom_post(id);
        changed
    }

    /// Moves a connection to another port of its adapter: what was posted drains on the old channel,
    /// the FW4_ACK that says so opens the gate on the new one.
    pub fn change_channel(&mut self, id: SocketId, to: PortId) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        let Path::Offload(conn) = &mut socket.path else { return Ok(()) };
        if !conn.flow_told {
            return Err(Refused::RingFull);
        }
        let member = &mut self.members[conn.member.index()];
        let pf = u32::from(member.lcore.resources().pf) << 8;
        let channel = u32::from(to.0);
        let params = [(Mnem::PFNVFN, pf), (Mnem::CH, channel), (Mnem::PORT, channel)];
        let eq = member.ofld(conn.port).ok_or(Refused::RingFull)?;
        ofld::flowc(eq, &mut conn.credits, conn.tid, &params, Then::Idle)?;
        conn.tx_gate = Gate::Shut;
        conn.changing_to = Some(to);
        Ok(())
    }

    /// In-order bytes of the peer.
    pub(crate) fn on_rx_data<'a>(
        &mut self,
        id: SocketId,
        cpl: &RxData,
        chunks: impl Iterator<Item = &'a [u8]>,
    ) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        if conn.state == super::state::State::Aborting {
            return;
        }
        if SeqNum(cpl.seq()) != conn.rcv_seq(socket.rx.received()) {
            self.counters.tom_bad_seq += 1;
            return;
        }
        let mut stored = 0;
        for chunk in chunks {
            if !socket.rx.store(stored, chunk) {
                // More than the window that it was granted.
                self.counters.tom_overrun += 1;
                break;
            }
            stored += chunk.len();
        }
        socket.rx.advance(stored);
        let now = self.now;
        self.note_payload(id, stored);
        if let Some(conn) = self.offloaded_mut(id) {
            conn.last_rx = now;
            let (member, l2t) = (conn.member, conn.l2t);
            self.members[member.index()].note_heard(l2t, now);
        }
        self.want_sample(id);
        if self.nobody_reads(id) {
            self.tom_abort(id);
        } else if stored > 0 {
            self.tell(id, Readiness::READABLE);
        }
    }

    fn nobody_reads(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_some_and(|s| s.holder == crate::socket::Holder::Nobody)
    }

    /// Returns receive credits for what the application has read, when it is worth a message.
    pub(crate) fn tom_credit(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        let (owed, window) = credits(socket, conn);
        let capacity = socket.rx.capacity() as u64;
        let due = owed >= CREDITS_OWED.min(capacity / 4).max(1)
            || (owed > 0 && window <= WINDOW_LOW.min(capacity / 2));
        if due {
            self.return_credits(id, false);
        }
    }

    /// Returns all credits that are owed; with `force` the card also says so to the peer at once.
    pub fn return_credits(&mut self, id: SocketId, force: bool) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let live = conn.state.is_live() && !conn.state.peer_closed();
        let total = socket.rx.read_offset() + socket.rx.capacity() as u64;
        let owed = total.saturating_sub(conn.granted);
        if !live || conn.rx_gate == Gate::Shut || (owed == 0 && !force) {
            return;
        }
        let owed = owed.min(u64::from(CreditDack::CREDITS_MASK));
        let credit_dack = CreditDack(0).with_credits(owed as u32).with_force_ack(force);
        let member = &mut self.members[conn.member.index()];
        if ofld::rx_data_ack(&mut member.lcore.ctrl, conn.tid, credit_dack).is_ok() {
            if !self.defects.has(Defect::CreditTwice) {
                conn.granted += owed;
            }
        } else {
            self.stall(id);
        }
    }

    /// What the initial window left out.
    pub(crate) fn grant_rest(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        if credits(socket, conn).0 >= CREDITS_OWED {
            self.return_credits(id, false);
        }
    }

    /// Notes that `id` waits for room in a ring.
    pub(crate) fn stall(&mut self, id: SocketId) {
        if let Some(conn) = self.offloaded_mut(id)
            && !conn.stalled
        {
            conn.stalled = true;
            self.stalled.push(id);
        }
    }
}

/// Credits owed to the card, and the window that is left of those it has.
fn credits(socket: &Socket, conn: &Offloaded) -> (u64, u64) {
    let total = socket.rx.read_offset() + socket.rx.capacity() as u64;
    (total.saturating_sub(conn.granted), conn.granted.saturating_sub(socket.rx.received()))
}
