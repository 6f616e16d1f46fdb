//! The end of an offloaded connection, in order or not.

use mafo_pmd::ofld::{self, Abort, Refused};
use mafo_t4::cpl::{AbortCmd, AbortReqRss, CloseConRpl, PeerClose, Status};
use mafo_tcp::{Ended, GaveUp, IcmpError};

use super::farewell::Hop;
use super::member::AtidUse;
use super::state::{Event, State};
use super::{Fence, Offloaded};
use crate::core::Core;
use crate::error::ConnectionError;
use crate::slab::SocketId;
use crate::socket::{Path, Readiness};
use crate::time_wait::Remains;

impl Core {
    /// The host's record of an offloaded connection.
    #[must_use]
    pub fn offloaded(&self, id: SocketId) -> Option<&Offloaded> {
        match &self.sockets.get(id)?.path {
            Path::Offload(conn) => Some(conn),
            Path::Resolving | Path::Host(_) | Path::Ended => None,
        }
    }

    /// The host's record of an offloaded connection, to be changed by whoever moves it.
    pub fn offloaded_mut(&mut self, id: SocketId) -> Option<&mut Offloaded> {
        match &mut self.sockets.get_mut(id)?.path {
            Path::Offload(conn) => Some(conn),
            Path::Resolving | Path::Host(_) | Path::Ended => None,
        }
    }

    /// Moves the connection's state. `false`, counted, when the event cannot be.
    pub(crate) fn offload_event(&mut self, id: SocketId, event: Event) -> bool {
        let Some(state) = self.offloaded(id).map(|conn| conn.state) else { return false };
        self.transitions.note(state, event);
        let Some(conn) = self.offloaded_mut(id) else { return false };
        let Some(next) = conn.state.on(event) else {
            self.counters.tom_unexpected += 1;
            return false;
        };
        conn.state = next;
        true
    }

    pub(crate) fn post_close(&mut self, id: SocketId) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        let Path::Offload(conn) = &mut socket.path else { return Ok(()) };
        let member = &mut self.members[conn.member.index()];
        let eq = member.ofld(conn.port).ok_or(Refused::RingFull)?;
        ofld::close_con(eq, &mut conn.credits, conn.tid)?;
        conn.fin_posted = true;
        self.offload_event(id, Event::ClosePosted);
        Ok(())
    }

    /// The peer's FIN.
    pub(crate) fn on_peer_close(&mut self, id: SocketId, cpl: &PeerClose) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        let expected = conn.rcv_seq(socket.rx.received()) + 1;
        if conn.state != State::Aborting && cpl.rcv_nxt() != expected.0 {
            self.counters.tom_bad_seq += 1;
        }
        if !self.offload_event(id, Event::PeerClose) {
            return;
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.peer_closed = true;
            if let Path::Offload(conn) = &mut socket.path {
                conn.rhythm.on_peer_fin();
            }
        }
        // Though it came with no bytes that were new, its timestamp is.
        self.want_sample(id);
        self.tell(id, Readiness::READABLE);
        self.end_if_over(id);
    }

    /// Our FIN is acknowledged.
    pub(crate) fn on_close_con_rpl(&mut self, id: SocketId, _cpl: &CloseConRpl) {
        if !self.offload_event(id, Event::CloseReply) {
            return;
        }
        // The FIN's acknowledgment is that of all bytes before it.
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.tx.ack(socket.tx.posted());
            socket.watch.progress_at = self.now;
        }
        self.arm_watch(id);
        self.end_if_over(id);
    }

    /// The peer reset the connection, or the card gave it up.
    pub(crate) fn on_abort_req(&mut self, id: SocketId, cpl: &AbortReqRss) {
        if cpl.status().is_negative_advice() {
            self.counters.negative_advice += 1;
            // Of an idle peer that leaves probes unanswered the host path, as Linux, says nothing before the end.
            if cpl.status() != Status::KEEPALV_NEG_ADVICE {
                self.on_negative_advice(self.now, id);
            }
            return;
        }
        let Some(conn) = self.offloaded(id) else { return };
        let (state, fenced) = (conn.state, conn.fence == Fence::Posted);
        if !self.offload_event(id, Event::AbortRequest) {
            return;
        }
        if let Some(conn) = self.offloaded_mut(id) {
            conn.abort_reply_owed = true;
        }
        if state == State::Aborting {
            // Crossing aborts: the answer to ours still comes and ends it.
            self.post_abort_rpl(id);
            return;
        }
        let error = match cpl.status() {
            Status::CONN_RESET => ConnectionError::Reset,
            _ => self.soft_error_of(id).map_or(ConnectionError::TimedOut, Into::into),
        };
        self.note_end(id, aborted_by(cpl.status()));
        // The answer to a fence that crosses it comes before that to the last word.
        self.leave_tid(id, if fenced { Hop::Kept } else { Hop::LetGo });
        self.fail(id, error);
    }

    /// How a connection of an adapter ended; the first word counts.
    pub(crate) fn note_end(&mut self, id: SocketId, ended: Ended) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.ended.get_or_insert(ended);
        }
    }

    /// What a router said last, if nothing came through since.
    pub(crate) fn soft_error_of(&self, id: SocketId) -> Option<IcmpError> {
        let socket = self.sockets.get(id)?;
        socket.soft_error.filter(|(_, acked)| *acked == socket.tx.acked()).map(|(error, _)| error)
    }

    /// An open that is with the card will not come about. The card is not asked: what it still brings is
    /// nobody's.
    pub(crate) fn fail_opening(&mut self, id: SocketId, error: ConnectionError) {
        let Some(conn) = self.offloaded(id) else { return };
        let (member_id, atid, l2t) = (conn.member, conn.atid, conn.l2t);
        if let Some(atid) = atid
            && let Some(used) = self.members[member_id.index()].atids.get_mut(atid)
        {
            *used = AtidUse::Orphan(l2t);
        }
        self.fail(id, error);
    }

    /// Answers an ABORT_REQ_RSS; where there is no room for it now, with the tid's last word.
    fn post_abort_rpl(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let member = &mut self.members[conn.member.index()];
        let Some(eq) = member.ofld(conn.port) else { return };
        let (credits, cmd) = (&mut conn.credits, AbortCmd::NO_RST);
        if ofld::abort_rpl(eq, credits, conn.tid, cmd).is_ok() {
            conn.abort_reply_owed = false;
        } else {
            self.counters.tom_ring_full += 1;
        }
    }

    /// Gives the connection up for `error`. The peer, which does not answer, is not told.
    pub(crate) fn tom_give_up(&mut self, id: SocketId, ended: Ended, error: ConnectionError) {
        self.note_end(id, ended);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.error.get_or_insert(error);
        }
        if let Some(conn) = self.offloaded_mut(id) {
            conn.abort_cmd = AbortCmd::NO_RST;
        }
        self.tell(id, Readiness::ERROR | Readiness::READABLE);
        self.tom_abort(id);
    }

    /// Aborts the connection by a reset; its socket is nobody's from now on.
    pub(crate) fn tom_abort(&mut self, id: SocketId) {
        let Some(conn) = self.offloaded_mut(id) else { return };
        if conn.fence == Fence::Posted {
            // The old owner is silenced: the new one will be told to.
            conn.abort_wanted = true;
            return;
        }
        match conn.state {
            State::Opening => {
                let (member_id, atid, l2t) = (conn.member, conn.atid, conn.l2t);
                if let Some(atid) = atid
                    && let Some(used) = self.members[member_id.index()].atids.get_mut(atid)
                {
                    *used = AtidUse::Orphan(l2t);
                }
                self.end(id, Readiness::NONE);
            }
            State::Aborting | State::Closed | State::TimeWait => {}
            State::Accepting
            | State::Established
            | State::CloseWait
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck => self.post_abort_req(id),
        }
    }

    fn post_abort_req(&mut self, id: SocketId) {
        if self.post_flowc(id).is_err() {
            if let Some(conn) = self.offloaded_mut(id) {
                conn.abort_wanted = true;
            }
            self.stall(id);
            return;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let member = &mut self.members[conn.member.index()];
        let Some(eq) = member.ofld(conn.port) else { return };
        let abort = Abort {
            cmd: conn.abort_cmd,
            snd_nxt: conn.snd_seq(socket.tx.posted()).0,
            tx_data_sent: conn.posted_any,
        };
        let posted = ofld::abort_req(eq, &mut conn.credits, conn.tid, abort);
        if posted.is_ok() {
            let (member, tid) = (conn.member, conn.tid);
            self.offload_event(id, Event::AbortPosted);
            self.await_abort(member, tid);
        } else {
            conn.abort_wanted = true;
            self.stall(id);
        }
    }

    /// The abort of `id` is done.
    pub(crate) fn on_abort_rpl(&mut self, id: SocketId) {
        if !self.offload_event(id, Event::AbortReply) {
            return;
        }
        self.leave_tid(id, Hop::LetGo);
        self.note_end(id, Ended::Aborted);
        self.fail(id, ConnectionError::Aborted);
    }

    fn end_if_over(&mut self, id: SocketId) {
        let Some(conn) = self.offloaded(id) else { return };
        if conn.fence == Fence::Posted {
            // Whoever silenced the owner ends it, when the answer comes.
            return;
        }
        if self.remember_end(id) {
            self.ask_last_timestamp(id);
            self.leave_tid(id, Hop::LetGo);
            self.end(id, Readiness::CLOSED);
        }
    }

    /// Ends a connection that no adapter owns, if both directions are closed. Whether they were.
    pub fn end_without_owner(&mut self, id: SocketId) -> bool {
        let over = self.remember_end(id);
        if over {
            self.end(id, Readiness::CLOSED);
        }
        over
    }

    /// Keeps what late segments of a connection are answered from, if both directions are closed.
    fn remember_end(&mut self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        let Path::Offload(conn) = &socket.path else { return false };
        let (state, tuple, now) = (conn.state, socket.ends.tuple(), self.now);
        // Behind both FINs, each of which takes a place.
        let received = socket.rx.received() + 1;
        let mut remains = Remains::new(
            conn.snd_seq(socket.tx.posted()) + 1,
            conn.rcv_seq(received),
            // The peer's takes a place in its window: the right edge stays where it is.
            conn.granted.saturating_sub(received),
            conn.rcv_scale,
        );
        remains.dscp = socket.options.dscp;
        let ended = match state {
            State::TimeWait => {
                self.time_wait.insert(now, tuple, remains);
                Ended::TimeWait
            }
            State::Closed => {
                self.lingering.insert(now, tuple, remains);
                Ended::Finished
            }
            _ => return false,
        };
        self.note_end(id, ended);
        true
    }

    /// Lets go of what a connection holds on its adapter, but for the tid.
    pub(crate) fn leave_card(&mut self, id: SocketId) {
        let Some(conn) = self.offloaded(id) else { return };
        let (member_id, l2t) = (conn.member, conn.l2t);
        self.members[member_id.index()].release_hop(l2t);
    }
}

/// How a connection ended that the adapter says is aborted.
fn aborted_by(status: Status) -> Ended {
    match status {
        Status::CONN_RESET => Ended::Reset,
        Status::CONN_TIMEDOUT => Ended::TimedOut(GaveUp::Open),
        Status::PERSIST_TIMEDOUT => Ended::TimedOut(GaveUp::Persist),
        Status::KEEPALIVE_TIMEDOUT => Ended::TimedOut(GaveUp::Keepalive),
        Status::FINWAIT2_TIMEDOUT => Ended::TimedOut(GaveUp::FinWait2),
        _ => Ended::TimedOut(GaveUp::Retransmit),
    }
}
