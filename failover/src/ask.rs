//! What a card is asked about a connection that lives on it: to speak, to answer, to be silent.

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Abort, Then, Via};
use mafo_stack::tom::Fence;
use mafo_stack::{Core, SocketId};
use mafo_t4::cpl::{AbortCmd, CreditDack, ReplyCtrl, SetTcbField};
use mafo_t4::tcb::field;

use crate::bond::Bond;
use crate::upload::CardClock;

/// Bits 29:11 of TIMESTAMP: cleared, the retransmission timer expires.
const KICK_MASK: u64 = ((1 << 30) - 1) & !((1 << 11) - 1);

impl Bond {
    /// Makes connections on the adapters that are not active speak at once, instead of when their
    /// timers run out: what they last sent went into a dead link.
    pub(crate) fn kick(&mut self, now: Nanos, core: &mut Core) {
        let ids: Vec<SocketId> = self.moves.keys().copied().collect();
        let recent = Nanos::from_millis(200);
        for id in ids {
            let Some(conn) = core.offloaded(id) else { continue };
            let (member_id, tid, state, last_rx) =
                (conn.member, conn.tid, conn.state, conn.last_rx);
            if !state.is_live() {
                continue;
            }
            let in_flight = core.progress(id).is_some_and(|p| !p.is_drained());
            let Some(member) = core.member_mut(member_id) else { continue };
            let ctrl = &mut member.lcore.ctrl;
            let mut posted = Ok(());
            if in_flight {
                let kick = SetTcbField::at(tid, field::TIMESTAMP.word, KICK_MASK, 0)
                    .with_reply_ctrl(ReplyCtrl::SILENT);
                posted = ofld::set_tcb_field(Via::Control(ctrl), &kick).map_err(|_| ());
            }
            // Its ACKs may have died with the link.
            if now - last_rx < recent {
                let force = CreditDack(0).with_force_ack(true);
                posted = posted.and(ofld::rx_data_ack(ctrl, tid, force).map_err(|_| ()));
            }
            if posted.is_err() {
                self.counters.ring_full += 1;
            }
        }
    }
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
    }
    posted
}

/// A card's clocks, as they are now.
pub(crate) fn card_clock(member: &mafo_stack::tom::Member) -> CardClock {
    let resources = member.lcore.resources();
    CardClock {
        khz: resources.core_clock_khz,
        timer_shift: resources.tp_resolution.timerresolution() as u8,
        ts_now: member.lcore.timestamp_now(),
    }
}
