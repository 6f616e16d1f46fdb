//! How connections end: FIN, abort, release.

use super::output::grow;
use super::tcb::{Phase, Tcb};
use super::{Card, Ctx, Message, Tp};
use crate::mishap::ControlKind;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, AbortCmd, Status};
use mafo_t4::tcb::TFlags;
use mafo_tcp::{Flags, Follows, Segment};

impl Tp {
    pub(super) fn rx_data_ack<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        cpl: &[u8],
    ) -> Option<()> {
        let ack: &cpl::RxDataAck = cpl::parse(cpl)?;
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(ack.tid()) {
            Some(tcb) => ctx.credit(tcb, ack.credit_dack()),
            None => ctx.core.counters.cpl_unknown_tid += 1,
        }
        Some(())
    }

    pub(super) fn close_con<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        cpl: &[u8],
    ) -> Option<()> {
        let request: &cpl::CloseConReq = cpl::parse(cpl)?;
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(request.tid()) {
            Some(tcb) => ctx.close(tcb),
            None => ctx.core.counters.cpl_unknown_tid += 1,
        }
        Some(())
    }

    pub(super) fn abort_req<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        cpl: &[u8],
    ) -> Option<()> {
        let request: &cpl::AbortReq = cpl::parse(cpl)?;
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(request.tid()) {
            Some(tcb) => ctx.abort(tcb, request.cmd()),
            None => ctx.core.counters.cpl_unknown_tid += 1,
        }
        Some(())
    }

    pub(super) fn abort_rpl(&mut self, cpl: &[u8]) -> Option<()> {
        let reply: &cpl::AbortRpl = cpl::parse(cpl)?;
        match self.tcbs.get_mut(reply.tid()).map(|tcb| &mut tcb.phase) {
            Some(phase @ Phase::PeerAborted) => *phase = Phase::Over,
            // After the host's own abort: how the entries of hash filters are deleted.
            Some(Phase::Over) => {}
            Some(_) => self.core.counters.cpl_wrong_state += 1,
            None => self.core.counters.cpl_unknown_tid += 1,
        }
        Some(())
    }

    /// The host is done with the TID, whatever the TCB is.
    pub(super) fn tid_release<C: Card>(&mut self, card: &mut C, cpl: &[u8]) -> Option<()> {
        let request: &cpl::TidRelease = cpl::parse(cpl)?;
        let tid = request.tid();
        let (tcbs, mut ctx) = self.split(card, Nanos::ZERO);
        let Some(tcb) = tcbs.get_mut(tid) else {
            ctx.core.counters.cpl_unknown_tid += 1;
            return Some(());
        };
        ctx.over(tcb);
        tcbs.remove(tid);
        self.core.timers.disarm(tid);
        self.le.tids.release(tid);
        card.flow_released(tid);
        Some(())
    }
}

impl<C: Card> Ctx<'_, C> {
    /// The host has taken bytes: the window opens by as many.
    fn credit(&mut self, tcb: &mut Tcb, credits: cpl::CreditDack) {
        match &mut tcb.phase {
            Phase::Live(live) => {
                live.conn.credit(credits.credits());
                if credits.force_ack() {
                    live.conn.force_ack();
                }
                if credits.dack_change() {
                    // Mode 0 acknowledges at once; the others delay.
                    let delayed = credits.dack_mode() != 0;
                    tcb.image.set_flags(tcb.image.flags().with_dack(delayed));
                    self.apply_switches(tcb);
                }
                self.touch_up(tcb);
            }
            // Credits may cross the end of a connection.
            Phase::PeerAborted | Phase::Over => {}
            Phase::Asked(..) | Phase::NonOffload => self.core.counters.cpl_wrong_state += 1,
        }
    }

    /// No payload follows: FIN.
    fn close(&mut self, tcb: &mut Tcb) {
        match &mut tcb.phase {
            Phase::Live(live) if !live.closed => {
                live.closed = true;
                live.conn.close();
                self.touch_up(tcb);
            }
            Phase::NonOffload if !tcb.image.flags().core_fin() => {
                grow(tcb, 1);
                let flags = TFlags(tcb.image.flags().0 | TFlags::CORE_FIN_MASK);
                tcb.image.set_flags(flags);
            }
            // The peer's reset may have crossed it.
            Phase::PeerAborted | Phase::Over => {}
            _ => self.core.counters.cpl_wrong_state += 1,
        }
    }

    /// The host ends the connection. It is always answered, or the host would wait for ever.
    fn abort(&mut self, tcb: &mut Tcb, cmd: AbortCmd) {
        self.core.counters.host_aborts += 1;
        let aloud = cmd != AbortCmd::NO_RST;
        match &mut tcb.phase {
            Phase::Live(live) => {
                live.conn.abort();
                if aloud {
                    self.last_words(tcb);
                }
                self.over(tcb);
            }
            Phase::Asked(_, syn) => {
                let syn = *syn;
                if aloud {
                    self.refuse(tcb, &syn);
                }
                self.over(tcb);
            }
            Phase::NonOffload => self.over(tcb),
            // ABORT_REQ_RSS has crossed the request: the host owes its answer still.
            Phase::PeerAborted | Phase::Over => {}
        }
        let reply = cpl::AbortRplRss::new(tcb.tid).with_status(Status::NONE);
        let mishap = self.card.mishap(ControlKind::Abort);
        let message = Message { cpl: reply.as_bytes(), payload: &[] };
        self.core.answer_as(self.card, (tcb.route.iq, mishap), (tcb.tid, tcb.epoch), message);
    }

    /// Answers a SYN by a reset.
    fn refuse(&mut self, tcb: &Tcb, syn: &Segment) {
        if let Some(segment) = mafo_tcp::reset_for(syn) {
            debug_assert!(segment.flags.contains(Flags::RST));
            self.emit(tcb, &mafo_tcp::Output { segment, offset: 0, follows: Follows::Nothing });
        }
    }
}
