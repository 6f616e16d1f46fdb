//! The peer's last timestamp of a connection that a card has run, for its TIME_WAIT: by it a new connection of the same
//! addresses is told from an old SYN (RFC 6191). No message brings it; it is read from the TCB before the tid is let go.

use std::collections::VecDeque;

use mafo_pmd::ofld;
use mafo_t4::Tid;
use mafo_t4::cpl::GetTcbRpl;
use mafo_t4::tcb::field;

use super::MemberId;
use super::state::State;
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;
use crate::tuple::FourTuple;

/// Repeated by the answers.
pub(super) const COOKIE: u8 = 0x5b;
/// Answers that are waited for at most, of each adapter; then the oldest is not any more.
const WAITING_MAX: usize = 256;

/// Connections that are over and whose last timestamp an adapter has been asked for, oldest first.
#[derive(Debug, Default)]
pub(crate) struct LastStamps(VecDeque<(Tid, FourTuple)>);

impl LastStamps {
    fn push(&mut self, tid: Tid, tuple: FourTuple) {
        // Whoever had the tid before was answered long ago, or never is.
        self.0.retain(|(asked, _)| *asked != tid);
        if self.0.len() >= WAITING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((tid, tuple));
    }

    /// Whose answer it is.
    fn take(&mut self, tid: Tid) -> Option<FourTuple> {
        let at = self.0.iter().position(|(asked, _)| *asked == tid)?;
        self.0.remove(at).map(|(_, tuple)| tuple)
    }
}

impl Core {
    /// Asks for the last timestamp of a connection in TIME_WAIT, whose tid is still its own.
    ///
    //= rfc6191#2 RFC6191-2-1
    pub(super) fn ask_last_timestamp(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        if conn.state != State::TimeWait || !conn.options.tstamp() {
            return;
        }
        let member = &mut self.members[conn.member.index()];
        let reply_to = member.iq();
        match ofld::get_tcb(&mut member.lcore.ctrl, conn.tid, reply_to, COOKIE) {
            Ok(()) => member.last_stamps.push(conn.tid, socket.ends.tuple()),
            // Sequence numbers will have to tell.
            Err(_) => self.counters.tom_ring_full += 1,
        }
    }

    /// The answer.
    pub(super) fn on_last_timestamp(&mut self, member: MemberId, reply: &GetTcbRpl) {
        match self.members[member.index()].last_stamps.take(reply.tid()) {
            Some(tuple) => {
                let recent = reply.tcb().get(field::T_RTSEQ_RECENT) as u32;
                self.time_wait.note_timestamp(&tuple, recent);
            }
            None => self.counters.tom_unexpected += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_who_was_asked_for_last() {
        let tuple = |port: u16| FourTuple {
            local: ([10, 77, 0, 2], 7).into(),
            remote: ([10, 77, 0, 1], port).into(),
        };
        let mut stamps = LastStamps::default();
        stamps.push(Tid(1), tuple(1));
        stamps.push(Tid(2), tuple(2));
        stamps.push(Tid(1), tuple(3));
        assert_eq!(stamps.take(Tid(2)), Some(tuple(2)));
        assert_eq!(stamps.take(Tid(1)), Some(tuple(3)), "the other one was never answered");
        assert_eq!(stamps.take(Tid(1)), None);
        for port in 0..=WAITING_MAX as u16 {
            stamps.push(Tid(port.into()), tuple(port));
        }
        assert_eq!((stamps.take(Tid(0)), stamps.0.len()), (None, WAITING_MAX));
    }
}
