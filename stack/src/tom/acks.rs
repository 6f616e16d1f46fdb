//! Switches of a card's connection that can be changed while it runs, delayed ACKs among them.
//!
//! A card delays every ACK of a connection, or none. Which it is to do now is decided here as the host path's engine
//! decides it ([`mafo_tcp::Rhythm`]): a peer that begins is answered at once, one that is answered by payload is not.

use mafo_pmd::ofld::{self, Via};
use mafo_t4::cpl::{ReplyCtrl, SetTcbField};
use mafo_t4::tcb::{TFlags, field};

use super::Fence;
use super::Gate;
use crate::Options;
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;

impl Core {
    /// Writes the bits in `mask` of a connection's T_FLAGS. `false`, counted, when there was no room, or the
    /// connection is between two owners.
    pub(crate) fn write_flags(&mut self, id: SocketId, mask: TFlags, val: TFlags) -> bool {
        let Some(conn) = self.offloaded(id) else { return false };
        if conn.fence != Fence::Absent || conn.rx_gate == Gate::Shut || !conn.state.is_live() {
            return false;
        }
        let write = SetTcbField::at(conn.tid, field::T_FLAGS.word, mask.0, val.0)
            .with_reply_ctrl(ReplyCtrl::SILENT);
        let member = conn.member.index();
        let ctrl = &mut self.members[member].lcore.ctrl;
        let written = ofld::set_tcb_field(Via::Control(ctrl), &write).is_ok();
        self.counters.tom_ring_full += u64::from(!written);
        written
    }

    /// The settings of a card's connection are others than `before`.
    pub(crate) fn tom_set_options(&mut self, id: SocketId, before: Options) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let (options, written) = (socket.options, socket.tx.written());
        let Path::Offload(conn) = &mut socket.path else { return };
        let of = |options: &Options| {
            TFlags(0).with_nagle(options.nagle).with_keepalive(options.keepalive)
        };
        if !options.nagle || before.cork && !options.cork {
            // To ask for no delay is to flush, corked or not, as in Linux.
            conn.hold.flush(written);
        }
        let changed = TFlags(of(&before).0 ^ of(&options).0);
        if changed.0 != 0 {
            self.write_flags(id, changed, of(&options));
        }
        self.tell_dscp(id);
        self.tom_post(id);
    }

    /// Writes the code point that the application chose into the TCB, if the card was told another. What finds no
    /// room, or the connection between two owners, is tried again.
    ///
    //= rfc9293#3.9.1.9 SHLD-21
    pub(crate) fn tell_dscp(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let dscp = socket.options.dscp;
        let Path::Offload(conn) = &mut socket.path else { return };
        let held = conn.fence != Fence::Absent || conn.rx_gate == Gate::Shut;
        if conn.dscp == dscp || held || !conn.state.is_live() {
            return;
        }
        let write = SetTcbField::of(conn.tid, field::TOS, dscp.code_point().into())
            .with_reply_ctrl(ReplyCtrl::SILENT);
        let ctrl = &mut self.members[conn.member.index()].lcore.ctrl;
        if ofld::set_tcb_field(Via::Control(ctrl), &write).is_ok() {
            conn.dscp = dscp;
        } else {
            self.counters.tom_ring_full += 1;
            self.stall(id);
        }
    }

    /// `bytes` of payload have come.
    pub(crate) fn note_payload(&mut self, id: SocketId, bytes: usize) {
        let config = &self.engine.config;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let window = socket.rx.capacity() as u32;
        let Path::Offload(conn) = &mut socket.path else { return };
        conn.hold.release();
        conn.longest_rx = conn.longest_rx.max(bytes as u32);
        if bytes == 0 || config.quick_acks == 0 {
            return;
        }
        // One message is of several segments, perhaps; how long they were it does not say.
        let segment = bytes.min(usize::from(self.config.mtu)) as u16;
        conn.rhythm.on_payload(config, self.now, config.rto_min, window, segment);
        self.pace_acks(id);
        if let Some(conn) = self.offloaded_mut(id)
            && !conn.delays_acks
        {
            // The card has answered; if that was the last quick one, the next waits.
            conn.rhythm.on_ack_sent();
            self.pace_acks(id);
        }
    }

    /// Lets the card delay ACKs, or not, as is right now. To be told not to is to send what waits.
    pub(crate) fn pace_acks(&mut self, id: SocketId) {
        let paced = self.engine.config.quick_acks > 0;
        let Some(socket) = self.sockets.get(id) else { return };
        let (asked, Path::Offload(conn)) = (socket.options.quick_ack, &socket.path) else { return };
        // Who has heard nothing yet begins with quick ones.
        let quick = paced && (conn.rhythm.is_quick() || conn.last_rx == mafo_mem::Nanos::ZERO);
        let delays = !asked && !quick;
        if delays == conn.delays_acks || !conn.state.is_live() {
            return;
        }
        let mask = TFlags(0).with_dack(true);
        if self.write_flags(id, mask, TFlags(0).with_dack(delays))
            && let Some(conn) = self.offloaded_mut(id)
        {
            conn.delays_acks = delays;
        }
    }
}
