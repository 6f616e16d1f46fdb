//! What is kept back of the bytes that were written (TCP_CORK, MSG_MORE): a card has no field for it, so the card is not
//! given what it is not to send yet.

use mafo_mem::Nanos;
use mafo_tcp::Then;

use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;

/// How long a tail waits at most when nothing is under way whose answer would let it out (Linux's least retransmission
/// timeout).
const WAIT: Nanos = Nanos::from_millis(200);

/// What of a connection's bytes waits for more of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hold {
    /// More was announced (MSG_MORE).
    more: bool,
    /// Stream offset before which nothing is held back.
    flushed: u64,
    /// When what waits is let out.
    until: Option<Nanos>,
    /// Stream offset from which on more was announced after each write: what is sent of that is not pushed.
    unpushed: Option<u64>,
}

impl Hold {
    /// Bytes `start..end` of the stream were written, and `then` follows.
    pub(crate) fn then(&mut self, then: Then, start: u64, end: u64) {
        self.more = then == Then::More;
        self.unpushed = if self.more { self.unpushed.or(Some(start)) } else { None };
        if then == Then::Record {
            self.flushed = end;
        }
    }

    /// Something has happened on the connection: an announcement counts no longer.
    pub(crate) fn release(&mut self) {
        self.more = false;
    }

    /// Nothing before stream offset `end` is held back any more.
    pub(crate) fn flush(&mut self, end: u64) {
        self.more = false;
        self.flushed = end;
        self.until = None;
    }

    /// How many of `waiting` bytes from stream offset `from` on may be sent, in segments of `segment` bytes.
    pub(crate) fn free(&self, corked: bool, from: u64, waiting: usize, segment: usize) -> usize {
        if !corked && !self.more {
            return waiting;
        }
        let whole = waiting - waiting % segment.max(1);
        let flushed = self.flushed.saturating_sub(from).min(waiting as u64) as usize;
        whole.max(flushed)
    }

    /// Waited for too long: what is let out is pushed.
    fn expire(&mut self, end: u64) {
        self.flush(end);
        self.unpushed = None;
    }

    /// Stream offset of the last push, of `written` bytes.
    pub(crate) fn push(&self, written: u64) -> u64 {
        self.unpushed.unwrap_or(written)
    }

    /// When what waits is let out.
    pub(crate) fn until(&self) -> Option<Nanos> {
        self.until
    }
}

impl Core {
    /// Sets, or takes back, the time at which what is held back is let out.
    pub(crate) fn watch_hold(&mut self, id: SocketId) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let held = socket.tx.written() > socket.tx.posted()
            && conn.state.can_send()
            && (socket.options.cork || conn.hold.more);
        let idle = socket.tx.acked() == socket.tx.posted();
        let wait = held && idle;
        if !wait || conn.hold.until.is_some() {
            conn.hold.until = conn.hold.until.filter(|_| wait);
            return;
        }
        let rto = self.card_rto(id).unwrap_or(WAIT);
        if let Some(conn) = self.offloaded_mut(id) {
            conn.hold.until = Some(now + rto);
        }
        self.arm_watch(id);
    }

    /// Lets out what was held back for too long.
    pub(crate) fn release_due(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let written = socket.tx.written();
        let Path::Offload(conn) = &mut socket.path else { return };
        if conn.hold.until.is_some_and(|until| until <= now) {
            conn.hold.expire(written);
            self.tom_post(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_go_while_more_is_to_come() {
        let mut hold = Hold::default();
        assert_eq!(hold.free(false, 100, 2500, 1000), 2500);
        assert_eq!(hold.free(true, 100, 2500, 1000), 2000, "corked");
        hold.then(Then::More, 100, 2600);
        assert_eq!(hold.free(false, 100, 2500, 1000), 2000);
        hold.release();
        assert_eq!(hold.free(false, 100, 2500, 1000), 2500);
    }

    #[test]
    fn what_is_let_out_before_more_came_is_not_pushed() {
        let mut hold = Hold::default();
        assert_eq!(hold.push(100), 100);
        hold.then(Then::More, 100, 140);
        hold.then(Then::More, 140, 200);
        assert_eq!(hold.push(200), 100, "what was written before is");
        hold.release();
        assert_eq!(hold.push(200), 100);
        hold.then(Then::Nothing, 200, 230);
        assert_eq!(hold.push(230), 230);
        hold.then(Then::More, 230, 260);
        hold.flush(260);
        assert_eq!(hold.push(260), 230);
        hold.expire(260);
        assert_eq!(hold.push(260), 260, "nobody waits for more");
    }

    #[test]
    fn what_was_flushed_goes_corked_or_not() {
        let mut hold = Hold::default();
        hold.flush(2600);
        assert_eq!(hold.free(true, 100, 2500, 1000), 2500);
        assert_eq!(hold.free(true, 100, 2700, 1000), 2500, "and not what came later");
        assert_eq!(hold.free(true, 2600, 200, 1000), 0);
        hold.then(Then::Record, 2600, 2800);
        assert_eq!(hold.free(true, 2600, 200, 1000), 200, "a record is whole");
    }
}
