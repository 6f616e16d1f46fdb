//! Urgent bytes (RFC 6093): bytes of the stream like all others, of which both sides know where they end.
//!
//! An application reads them in line. It is told ([`crate::Readiness::URGENT`]) whenever the peer's mark moves
//! ahead, and can ask how far it is.

use crate::core::Core;
use crate::error::SocketError;
use crate::slab::SocketId;
use crate::socket::{Path, Readiness};

/// Ends of urgent bytes, as offsets of the streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Behind ours that no transport has been given.
    pub(crate) sent: Option<u64>,
    /// Behind the peer's.
    pub(crate) received: Option<u64>,
}

impl Core {
    /// As [`Core::send`], and the peer is told that all up to the last byte taken is urgent.
    ///
    /// For protocols that have it already, as Telnet has: new ones should not (RFC 9293 SHLD-13).
    ///
    //= rfc9293#3.8.5
    pub fn send_urgent(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, SocketError> {
        if let Some(socket) = self.sockets.get_mut(id) {
            let n = bytes.len().min(socket.tx.free());
            socket.urgent.sent = (n > 0).then_some(socket.tx.written() + n as u64);
        }
        let sent = self.send(id, bytes);
        if sent.is_err()
            && let Some(socket) = self.sockets.get_mut(id)
        {
            socket.urgent.sent = None;
        }
        sent
    }

    /// Bytes still to be read up to the end of those that the peer called urgent; 0 when there are none. They
    /// need not have arrived yet.
    ///
    //= rfc9293#3.8.5 MUST-33
    #[must_use]
    pub fn urgent_left(&self, id: SocketId) -> u64 {
        let Some(socket) = self.sockets.get(id) else { return 0 };
        socket.urgent.received.map_or(0, |end| end.saturating_sub(socket.rx.read_offset()))
    }

    /// What was written is with the host path's engine: tells it of the mark.
    pub(crate) fn host_mark_urgent(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.urgent.sent.take_if(|end| *end <= socket.tx.posted()).is_some()
            && let Path::Host(host) = &mut socket.path
        {
            host.conn.mark_urgent();
        }
    }

    /// The adapter says that the peer's mark is behind stream offset `end`.
    //= rfc9293#3.8.5 MUST-32
    pub(crate) fn on_urgent(&mut self, id: SocketId, end: u64) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.urgent.received = Some(end);
            self.tell(id, Readiness::URGENT);
        }
    }
}
