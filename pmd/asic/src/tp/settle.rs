//! What happened to a connection becomes messages to the host, and these let segments go.

use super::outbox::{Owed, Then, What};
use super::tcb::{Due, Opening, Phase, Tcb};
use super::{Card, Core, Ctx, Message, Stalled, Tp};
use crate::mishap::Mishap;
use mafo_mem::{Frame, Nanos};
use mafo_t4::cpl::{self, AtidStatus, Status};
use mafo_t4::tcb::{State, field};
use mafo_t4::{IqId, Tid};
use mafo_tcp::{Connection, Ended, Events, GaveUp};

/// Epoch of messages that are about no TCB.
pub(super) const NOBODY: u32 = 0;

impl Core {
    /// Says something to the host, now or behind all that its queue is owed. Whether it is posted.
    pub(super) fn say<C: Card>(
        &mut self,
        card: &mut C,
        iq: IqId,
        (tid, epoch): (Tid, u32),
        message: Message<'_>,
        then: Then,
    ) -> bool {
        if !self.outbox.is_blocked(iq) && card.post(iq, message).is_ok() {
            return true;
        }
        let mut bytes = message.cpl.to_vec();
        for part in message.payload {
            bytes.extend_from_slice(part);
        }
        let what = What::Message { bytes, cpl_len: message.cpl.len(), then };
        self.counters.cpl_out_stalled += 1;
        if self.outbox.push(iq, Owed { tid, epoch, what }).is_err() {
            self.counters.cpl_out_dropped += 1;
        }
        false
    }

    /// Answers a request of the host with which this goes wrong.
    pub(super) fn answer_as<C: Card>(
        &mut self,
        card: &mut C,
        (iq, mishap): (IqId, Option<Mishap>),
        owner: (Tid, u32),
        message: Message<'_>,
    ) {
        match mishap {
            Some(Mishap::Lost | Mishap::Refused) => return,
            Some(Mishap::Late) => card.stall(iq),
            Some(Mishap::Twice) => {
                self.say(card, iq, owner, message, Then::Nothing);
            }
            None => {}
        }
        self.say(card, iq, owner, message, Then::Nothing);
    }

    /// What the host is to be warned of when a timer has run out, before which so many keepalive `probes` had gone
    /// unanswered, if any are sent and the host wants to know.
    fn advice(&self, conn: &Connection, events: Events, probes: Option<u8>) -> Option<Status> {
        if events.contains(Events::NEGATIVE_ADVICE) {
            let probes_window = conn.state().is_synchronized() && conn.snd_wnd() == 0;
            return Some(if probes_window {
                Status::PERSIST_NEG_ADVICE
            } else {
                Status::RTX_NEG_ADVICE
            });
        }
        // With something to be sent it is not the peer's life that is probed.
        let before = probes.filter(|_| conn.is_drained())?;
        let now = conn.probes();
        (now != before && now == self.keepalive_advice).then_some(Status::KEEPALV_NEG_ADVICE)
    }

    /// Whether the commit rule is kept for a connection.
    pub(super) fn commits_to(&self, tcb: &Tcb) -> bool {
        self.commits && !tcb.is_relaxed
    }

    /// The connection may have something to send.
    pub(super) fn make_ready(&mut self, tcb: &mut Tcb) {
        if !tcb.ready {
            tcb.ready = true;
            self.ready.push_back(tcb.tid);
        }
    }
}

impl<C: Card> Ctx<'_, C> {
    /// Says something about a connection; what depends on it happens when it is posted.
    pub(super) fn tell(
        &mut self,
        tcb: &mut Tcb,
        iq: IqId,
        cpl: &[u8],
        payload: &[&[u8]],
        then: Then,
    ) {
        if self.core.say(self.card, iq, (tcb.tid, tcb.epoch), Message { cpl, payload }, then) {
            self.posted(tcb, then);
        }
    }

    /// A message is where the host can see it.
    fn posted(&mut self, tcb: &mut Tcb, then: Then) {
        let commits = self.core.commits_to(tcb);
        if let Phase::Live(live) = &mut tcb.phase {
            match then {
                Then::Nothing => return,
                Then::Ungate => live.gated = false,
                Then::DeliverFin => {
                    live.fin_owed = false;
                    if commits {
                        live.conn.deliver_fin();
                    }
                }
            }
            self.core.make_ready(tcb);
        }
    }

    /// After anything that was done to a live connection: its timer, and its turn to send.
    pub(super) fn touch_up(&mut self, tcb: &mut Tcb) {
        if let Phase::Live(live) = &tcb.phase {
            let deadline = live.conn.poll_timeout();
            self.core.timers.arm(tcb.tid, deadline);
            self.core.make_ready(tcb);
        }
    }

    pub(super) fn run_timers(&mut self, tcb: &mut Tcb) {
        let Phase::Live(live) = &mut tcb.phase else { return };
        if live.conn.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            let keepalive = tcb.image.flags().keepalive() && self.core.keepalive_advice != 0;
            let probes = keepalive.then(|| live.conn.probes());
            let events = live.conn.handle_timeout(&mut self.core.engine, self.now);
            tcb.due.closed |= events.contains(Events::CLOSED);
            tcb.due.advice = self.core.advice(&live.conn, events, probes);
            self.settle(tcb, &[]);
        } else {
            let deadline = live.conn.poll_timeout();
            self.core.timers.arm(tcb.tid, deadline);
        }
    }

    /// Tells the host what happened since it was last told, in the order of the protocol: the connection, its
    /// bytes, its acknowledgments, its ends.
    pub(super) fn settle(&mut self, tcb: &mut Tcb, frames: &[Frame]) {
        let due: Due = core::mem::take(&mut tcb.due);
        if due.established {
            self.tell_established(tcb);
        }
        if due.pieces.is_some() {
            self.deliver(tcb, &due, frames);
        }
        if due.acked != 0 {
            self.release_acked(tcb, due.acked);
        }
        if due.peer_fin {
            self.tell_peer_close(tcb);
        }
        if due.fin_acked {
            self.tell_close_con_rpl(tcb);
        }
        if due.closed {
            self.closed(tcb);
        } else if let Some(advice) = due.advice {
            self.tell_advice(tcb, advice);
        }
        self.touch_up(tcb);
    }

    /// The peer does not answer, and the connection goes on. It is told by the messages that would end
    /// the connection or the open, under a status that says that they do not.
    ///
    //= rfc9293#3.8.3 SHLD-9
    fn tell_advice(&mut self, tcb: &mut Tcb, status: Status) {
        let Phase::Live(live) = &tcb.phase else { return };
        self.core.counters.negative_advice += 1;
        match live.opening {
            Opening::Active(ot) => {
                let reply =
                    cpl::ActOpenRpl::new(tcb.tid).with_atid_status(AtidStatus::of(ot, status));
                self.tell(tcb, ot.queue(), reply.as_bytes(), &[], Then::Nothing);
            }
            Opening::Passive(_) | Opening::Done => {
                let message = cpl::AbortReqRss::new(tcb.tid).with_status(status);
                self.tell(tcb, tcb.route.iq, message.as_bytes(), &[], Then::Nothing);
            }
        }
    }

    fn release_acked(&mut self, tcb: &mut Tcb, acked: u32) {
        let Phase::Live(live) = &tcb.phase else { return };
        if self.core.commits_to(tcb) {
            tcb.tx.release(&mut self.core.tx_pool, u64::from(acked));
        }
        // The ACK of a FIN is told by CLOSE_CON_RPL, not as a byte of payload.
        let snd_una = live.conn.snd_una().earlier(live.conn.tx_max());
        self.card.flow_acked(self.now, tcb.tid, snd_una.0, acked);
    }

    fn tell_peer_close(&mut self, tcb: &mut Tcb) {
        let Phase::Live(live) = &mut tcb.phase else { return };
        live.fin_owed = true;
        let message = cpl::PeerClose::new(tcb.tid).with_rcv_nxt(live.conn.rcv_nxt().0);
        self.tell(tcb, tcb.route.iq, message.as_bytes(), &[], Then::DeliverFin);
    }

    fn tell_close_con_rpl(&mut self, tcb: &mut Tcb) {
        let untold = tcb.untold();
        let Phase::Live(live) = &mut tcb.phase else { return };
        // What the host has been told of, not what the card holds.
        let told = live.conn.rcv_nxt() - untold - u32::from(live.fin_owed);
        let message =
            cpl::CloseConRpl::new(tcb.tid).with_snd_nxt(live.conn.snd_max().0).with_rcv_nxt(told.0);
        self.tell(tcb, tcb.route.iq, message.as_bytes(), &[], Then::Nothing);
    }

    /// The engine is done with the connection.
    fn closed(&mut self, tcb: &mut Tcb) {
        let Phase::Live(live) = &tcb.phase else { return };
        let status = match live.conn.ended() {
            // The last ACK may still have to go out: see `finish`.
            None | Some(Ended::Finished | Ended::TimeWait) => return,
            Some(Ended::NotOpened | Ended::Aborted) => return self.over(tcb),
            Some(Ended::Refused | Ended::Reset) => Status::CONN_RESET,
            // ICMP goes to the host, which ends its opens itself.
            Some(Ended::Unreachable(_)) => Status::CONN_TIMEDOUT,
            Some(Ended::TimedOut(timer)) => match timer {
                GaveUp::Open => Status::CONN_TIMEDOUT,
                GaveUp::Retransmit | GaveUp::User => Status::XMIT_TIMEDOUT,
                GaveUp::Persist => Status::PERSIST_TIMEDOUT,
                GaveUp::Keepalive => Status::KEEPALIVE_TIMEDOUT,
                GaveUp::FinWait2 => Status::FINWAIT2_TIMEDOUT,
            },
        };
        let opening = live.opening;
        // A peer that was given up is told so, should it be there again.
        self.last_words(tcb);
        match opening {
            Opening::Active(ot) => self.open_failed(tcb, ot, status),
            Opening::Passive(_) | Opening::Done => self.peer_aborted(tcb, status),
        }
    }

    /// The connection is no longer TP's: its frames are the host's, its payload is forgotten, and its TID waits
    /// to be released.
    pub(super) fn over(&mut self, tcb: &mut Tcb) {
        if core::mem::take(&mut tcb.looked_up) {
            self.le.active.remove(&tcb.key, tcb.tid);
        }
        tcb.tx.clear(&mut self.core.tx_pool);
        tcb.rx.clear(&mut self.core.rx_pool);
        (tcb.backlog, tcb.due) = (0, Due::default());
        // What a host may want to know of a connection that is over.
        if let Phase::Live(live) = &tcb.phase {
            let recent = live.conn.ts_recent().unwrap_or(0);
            tcb.image.set(field::T_RTSEQ_RECENT, recent.into());
        }
        tcb.image.set_state(State::Closed);
        tcb.phase = Phase::Over;
    }
}

impl Tp {
    /// Posts what stalled queues are owed, as far as they take it.
    pub(super) fn flush_outbox<C: Card>(&mut self, card: &mut C, now: Nanos) {
        if self.core.outbox.len() == 0 {
            return;
        }
        let (tcbs, mut ctx) = self.split(card, now);
        for index in 0..ctx.core.outbox.queues() {
            while let Some((iq, owed)) = ctx.core.outbox.take(index) {
                let tcb = tcbs.get_mut(owed.tid).filter(|tcb| tcb.epoch == owed.epoch);
                if owed.epoch != NOBODY && tcb.is_none() {
                    // The host has released the TID meanwhile; the message would be its next owner's.
                    continue;
                }
                let is_over = tcb.as_ref().is_none_or(|tcb| !matches!(tcb.phase, Phase::Live(_)));
                if matches!(owed.what, What::Message { then: Then::DeliverFin, .. }) && is_over {
                    // A reset came behind the FIN, and what waited ahead of it is gone: no end of a stream.
                    continue;
                }
                let done = match (&owed.what, tcb) {
                    (What::Bytes, tcb) => tcb.map_or(Ok(()), |tcb| ctx.deliver_backlog(tcb)),
                    (What::Message { bytes, cpl_len, then }, tcb) => {
                        let (cpl, payload) = bytes.split_at(*cpl_len);
                        let payload: &[&[u8]] = if payload.is_empty() { &[] } else { &[payload] };
                        ctx.card.post(iq, Message { cpl, payload }).map(|()| {
                            if let Some(tcb) = tcb {
                                ctx.posted(tcb, *then);
                            }
                        })
                    }
                };
                if let Err(Stalled) = done {
                    ctx.core.outbox.put_back(index, owed);
                    break;
                }
            }
        }
    }
}
