//! What a card is asked about a connection that lives on it: to speak, to answer, to be silent.

use mafo_mem::{Full, Nanos};
use mafo_pmd::ofld::{self, Abort, Then, Via};
use mafo_stack::tom::Fence;
use mafo_stack::{Core, Handover, SocketId};
use mafo_t4::cpl::{AbortCmd, CreditDack, ReplyCtrl, SetTcbField};
use mafo_t4::tcb::field;

use crate::bond::Bond;
use crate::upload::CardClock;

/// Bits 29:11 of TIMESTAMP: cleared, the retransmission timer expires.
const KICK_MASK: u64 = ((1 << 30) - 1) & !((1 << 11) - 1);

/// An ACK that was sent so long before the failure may have been lost with the link.
const ACKED_LATELY: Nanos = Nanos::from_millis(200);
/// Connections that are kicked in one poll.
const KICKS: usize = 64;

impl Bond {
    /// Bytes that a connection has under way, if it is to be made to speak soon after its link has failed, instead of
    /// when its timers run out: what it last sent went into a dead link.
    pub(crate) fn under_way(&self, core: &Core, id: SocketId) -> Option<u32> {
        self.moves.get(id)?;
        let progress = core.progress(id)?;
        core.offloaded(id).filter(|conn| conn.state.is_live())?;
        // What is handed over at once is said again by its new owner.
        if self.policy(core, id) == Handover::Instant {
            return None;
        }
        Some(progress.snd_end.since(progress.snd_una))
    }

    /// Kicks some of those that are waiting for it: each causes a frame, and the tunnel has room for so
    /// many at a time.
    pub(crate) fn poll_kicks(&mut self, now: Nanos, core: &mut Core) {
        for _ in 0..KICKS {
            let Some(&id) = self.kicks.front() else { return };
            if core.is_refugee(id) {
                core.kick_refugee(now, id, ACKED_LATELY);
            } else if self.moves.contains(id) && kick_one(now, core, id) == Err(Full) {
                self.counters.ring_full += 1;
                return;
            }
            self.kicks.pop_front();
        }
    }
}

/// Whether the connection has received bytes so lately that their ACK may have died with the link.
pub(crate) fn heard_lately(now: Nanos, core: &Core, id: SocketId) -> bool {
    core.offloaded(id).is_some_and(|conn| now - conn.last_rx < ACKED_LATELY)
}

/// Lets the card say again what the peer may not have heard of a connection.
fn kick_one(now: Nanos, core: &mut Core, id: SocketId) -> Result<(), Full> {
    let Some(conn) = core.offloaded(id) else { return Ok(()) };
    let (member_id, tid) = (conn.member, conn.tid);
    let acked_lately = heard_lately(now, core, id);
    let in_flight = core.progress(id).is_some_and(|p| !p.is_drained());
    let Some(member) = core.member_mut(member_id) else { return Ok(()) };
    let ctrl = &mut member.lcore.ctrl;
    if in_flight {
        // The link has failed, not the path: what expires is no sign that the timer is too short. A link that flaps would
        // double it each time, up to a minute.
        let begin_anew = SetTcbField::of(tid, field::T_RXTSHIFT, 0);
        let kick = SetTcbField::at(tid, field::TIMESTAMP.word, KICK_MASK, 0);
        for write in [begin_anew, kick] {
            let write = write.with_reply_ctrl(ReplyCtrl::SILENT);
            ofld::set_tcb_field(Via::Control(ctrl), &write).map_err(|_| Full)?;
        }
    }
    if acked_lately {
        let force = CreditDack(0).with_force_ack(true);
        ofld::rx_data_ack(ctrl, tid, force).map_err(|_| Full)?;
    }
    Ok(())
}

/// Posts a read behind the connection's last work request, so that an answer comes even if none of
/// those asked for one.
pub(crate) fn ask_for_answer(core: &mut Core, id: SocketId) -> bool {
    core.with_flow(id, |eq, pool, tid| {
        let read = SetTcbField::at(tid, 0, 0, 0).with_reply_ctrl(ReplyCtrl::SILENT);
        ofld::set_tcb_field(Via::Offload(eq, pool, Then::Idle), &read).is_ok()
    })
}

/// Silences the owner of a connection: an abort without a reset.
pub(crate) fn post_fence(core: &mut Core, id: SocketId) -> bool {
    let Some(progress) = core.progress(id) else { return false };
    let posted = core.with_flow(id, |eq, pool, tid| {
        let abort =
            Abort { cmd: AbortCmd::NO_RST, snd_nxt: progress.snd_end.0, tx_data_sent: true };
        ofld::abort_req(eq, pool, tid, abort).is_ok()
    });
    if posted && let Some(conn) = core.offloaded_mut(id) {
        conn.fence = Fence::Posted;
        core.await_fence(id);
    }
    posted
}

/// A card's clocks, as they are now; `None` of a card that has died, perhaps in this very poll.
pub(crate) fn card_clock(member: &mafo_stack::tom::Member) -> Option<CardClock> {
    let resources = member.lcore.resources();
    Some(CardClock {
        khz: resources.core_clock_khz,
        timer_shift: resources.tp_resolution.timerresolution() as u8,
        ts_now: member.lcore.timestamp_now()?,
    })
}
