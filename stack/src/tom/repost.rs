//! What the peer has not acknowledged, given to another adapter.
//!
//! The host may free payload only when FW4_ACK says that it is acknowledged, so all that an owner could still have to
//! send lies in the socket, and a new owner can be given it again.

use mafo_pmd::ofld::{self, Mark, Refused, Then};
use mafo_tcp::SeqNum;

use super::data::{Lane, PLEN_MAX, SGES_MAX};
use super::moves::Place;
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::{Path, Readiness};

/// How far a connection's payload has been given to its next owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reposted {
    /// Stream offset behind the last byte posted, once one is.
    end: Option<u64>,
    /// CLOSE_CON_REQ is posted again.
    fin: bool,
}

impl Core {
    /// The peer has acknowledged everything below `seq`: known from the owner's TCB, ahead of a FW4_ACK that nobody had
    /// asked for. What cannot be is counted and ignored.
    pub fn acknowledge(&mut self, id: SocketId, seq: SeqNum) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        let offset = conn.snd_offset(socket.tx.acked(), seq);
        let Some(offset) = offset.filter(|&offset| offset <= socket.tx.posted() + 1) else {
            self.counters.tom_bad_ack += 1;
            return;
        };
        if socket.tx.ack(offset.min(socket.tx.posted())) > 0 {
            socket.watch.progress_at = now;
            self.tell(id, Readiness::WRITABLE);
        }
    }

    /// Posts all that the peer has not acknowledged of what the owner had been given, and the FIN behind it, to the
    /// TCB at `place`, which is not the connection's yet. `Err` when it found no room: the next call goes on from
    /// where this one ended, as `done` says.
    pub fn repost(
        &mut self,
        id: SocketId,
        place: &mut Place,
        done: &mut Reposted,
    ) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        let Path::Offload(conn) = &mut socket.path else { return Ok(()) };
        let member = &mut self.members[place.member.index()];
        loop {
            let from = done.end.unwrap_or(socket.tx.acked());
            let left = (socket.tx.posted() - from) as usize;
            if left == 0 {
                break;
            }
            let n = socket.tx.reach(from, left.min(PLEN_MAX), SGES_MAX);
            let then = if n == left { Then::Idle } else { Then::More };
            let (port, tid, credits) = (place.port, place.tid, &mut place.credits);
            let lane = Lane { member, port, tid, credits };
            lane.post(&socket.tx, from, n, (Mark::Plain, then))?;
            done.end = Some(from + n as u64);
        }
        // Acknowledged, it is part of the state.
        let fin_due = conn.fin_posted && !conn.state.our_fin_acked();
        if fin_due && !done.fin {
            let eq = member.ofld(place.port).ok_or(Refused::RingFull)?;
            ofld::close_con(eq, &mut place.credits, place.tid)?;
            done.fin = true;
        }
        Ok(())
    }
}
