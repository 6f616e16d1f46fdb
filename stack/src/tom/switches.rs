//! Switches of a card's connection that can be changed while it runs, delayed ACKs among them.
//!
//! A card delays every ACK of a connection, or none. Which it is to do now is decided here as the host path's engine
//! decides it ([`mafo_tcp::Rhythm`]): a peer that begins is answered at once, one that is answered by payload is not.

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Via};
use mafo_t4::cpl::{ReplyCtrl, SetTcbField};
use mafo_t4::tcb::{TFlags, field};

use super::Offloaded;
use crate::Options;
use crate::core::Core;
use crate::packet::Dscp;
use crate::slab::SocketId;
use crate::socket::Path;

/// What a card is told of a connection at its opening, in opt0, and again whenever it changes: bits of T_FLAGS, and TOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) nagle: bool,
    pub(crate) keepalive: bool,
    pub(crate) delays_acks: bool,
    pub(crate) dscp: Dscp,
}

impl Switches {
    /// For a connection with `options`, whose ACKs may wait if `delays_acks`.
    pub(crate) fn of(options: &Options, delays_acks: bool) -> Self {
        Self {
            nagle: options.nagle,
            keepalive: options.keepalive,
            delays_acks: delays_acks && !options.quick_ack,
            dscp: options.dscp,
        }
    }

    pub(super) fn flags(self) -> TFlags {
        TFlags(0).with_nagle(self.nagle).with_keepalive(self.keepalive).with_dack(self.delays_acks)
    }
}

impl Core {
    /// The settings of a card's connection are others than `before`.
    pub(crate) fn tom_set_options(&mut self, id: SocketId, before: Options) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let (options, written) = (*socket.options, socket.tx.written());
        let Path::Offload(conn) = &mut socket.path else { return };
        if !options.nagle || before.cork && !options.cork {
            // To ask for no delay is to flush, corked or not, as in Linux.
            conn.hold.flush(written);
        }
        self.set_switches(id);
        self.tom_post(id);
    }

    /// Writes into the TCB what is to be otherwise than the card was told; to be told not to delay ACKs is to send the
    /// one that waits. What finds no room, or the connection between two owners, is tried again.
    ///
    //= rfc9293#3.9.1.9 SHLD-21
    pub(crate) fn set_switches(&mut self, id: SocketId) {
        let paced = self.engine.config.quick_acks > 0;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let wanted = Switches::of(&socket.options, !(paced && conn.acks_are_quick()));
        if wanted == conn.told || !conn.is_writable() {
            return;
        }
        let flags = wanted.flags();
        let changed = conn.told.flags().0 ^ flags.0;
        let ctrl = &mut self.members[conn.member.index()].lcore.ctrl;
        let mut write = |write: SetTcbField| {
            let write = write.with_reply_ctrl(ReplyCtrl::SILENT);
            ofld::set_tcb_field(Via::Control(ctrl), &write).is_ok()
        };
        if changed != 0 && write(SetTcbField::at(conn.tid, field::T_FLAGS.word, changed, flags.0)) {
            conn.told = Switches { dscp: conn.told.dscp, ..wanted };
        }
        let code_point = wanted.dscp.code_point().into();
        if conn.told.dscp != wanted.dscp && write(SetTcbField::of(conn.tid, field::TOS, code_point))
        {
            conn.told.dscp = wanted.dscp;
        }
        if conn.told != wanted {
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
        conn.rhythm.on_payload(config, self.now, || config.rto_min, window, segment);
        self.set_switches(id);
        if let Some(conn) = self.offloaded_mut(id)
            && !conn.told.delays_acks
        {
            // The card has answered; if that was the last quick one, the next waits.
            conn.rhythm.on_ack_sent();
            self.set_switches(id);
        }
    }
}

impl Offloaded {
    /// Who has heard nothing yet begins with quick ACKs.
    fn acks_are_quick(&self) -> bool {
        self.rhythm.is_quick() || self.last_rx == Nanos::ZERO
    }
}
