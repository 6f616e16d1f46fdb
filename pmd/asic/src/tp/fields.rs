//! GET_TCB and SET_TCB_FIELD.

use super::image::{self, RETRANSMIT_TIMER, Unfit, switches};
use super::open::{action_of, mss_of};
use super::settle::NOBODY;
use super::tcb::{Live, Opening, Phase, Tcb};
use super::{Card, Ctx, Message, Tp, refuse};
use crate::le::Filter;
use crate::le::filters::{Action, Hits};
use crate::mishap::{ControlKind, Mishap};
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, ReplyCtrl, Status};
use mafo_t4::tcb::{FilterFlags, TFlags, Tcb as Image, field};
use mafo_t4::{Ftid, IqId, Tid};
use mafo_tcp::{Checkpoint, Connection};

/// A TCB write that would leave no connection to go on with. The header has no code for it; this is its code for
/// errors in general [t4_msg.h CPL_ERR_GENERAL].
const REFUSED: Status = Status(99);

impl Tp {
    /// The image of a connection's or a filter's TCB at `now`, if there is one.
    #[must_use]
    pub fn tcb_image(&self, now: Nanos, tid: Tid) -> Option<Image> {
        match self.tcbs.get(tid) {
            Some(tcb) => Some(image_now(tcb, self.core.ticks, now)),
            None => {
                let (filter, hits) = self.le.filters().get(Ftid(tid.0))?;
                Some(image_of_filter(filter, hits))
            }
        }
    }

    pub(super) fn get_tcb<C: Card>(&mut self, card: &mut C, now: Nanos, cpl: &[u8]) -> Option<()> {
        let request: &cpl::GetTcb = cpl::parse(cpl)?;
        let tid = request.tid();
        let Some(image) = self.tcb_image(now, tid) else {
            self.core.counters.cpl_unknown_tid += 1;
            return Some(());
        };
        if let Some(iq) = reply_queue(request.reply_ctrl()) {
            // The answer's first eight bytes, then the image.
            let reply = cpl::GetTcbRpl::new(tid)
                .with_cookie(request.cookie() as u8)
                .with_len(image.0.len() as u16)
                .with_tcb(image);
            let (head, body) = reply.as_bytes().split_at(8);
            let owner = (tid, self.tcbs.get(tid).map_or(NOBODY, |tcb| tcb.epoch));
            let mishap = card.mishap(ControlKind::GetTcb);
            let message = Message { cpl: head, payload: &[body] };
            self.core.answer_as(card, (iq, mishap), owner, message);
        }
        Some(())
    }

    pub(super) fn set_tcb_field<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        cpl: &[u8],
    ) -> Option<()> {
        let request: &cpl::SetTcbField = cpl::parse(cpl)?;
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(request.tid()) {
            Some(tcb) => ctx.set_field(tcb, request),
            None => self.set_filter_field(card, request),
        }
        Some(())
    }

    /// A filter is a TCB too: its actions are T_FLAGS and RSS_INFO, its hits TIMESTAMP and the two words behind it.
    fn set_filter_field<C: Card>(&mut self, card: &mut C, request: &cpl::SetTcbField) {
        let Some((filter, hits)) = self.le.filters_mut().get_mut(Ftid(request.tid().0)) else {
            self.core.counters.cpl_unknown_tid += 1;
            return;
        };
        let mut image = image_of_filter(filter, *hits);
        let old = image.set_field(request.word(), request.mask(), request.val());
        filter.action = action_of(&image, request.tid().0);
        *hits = Hits { frames: image.word(5), bytes: image.read64(6) };
        if let Some(iq) = reply_queue(request.reply_ctrl()) {
            self.answer(card, iq, request.reply(old).as_bytes(), &[]);
        }
    }
}

fn reply_queue(ctrl: ReplyCtrl) -> Option<IqId> {
    (!ctrl.no_reply()).then(|| IqId(ctrl.queue()))
}

/// The image of a TCB as it is now.
fn image_now(tcb: &Tcb, ticks: image::Ticks, now: Nanos) -> Image {
    let mut image = tcb.image;
    if let Some(checkpoint) = checkpoint_now(tcb, now) {
        image::show(&mut image, &checkpoint, now, ticks);
    }
    image
}

/// What a live connection is now. Without the commit rule its engine does not know what the host has not been told.
fn checkpoint_now(tcb: &Tcb, now: Nanos) -> Option<Checkpoint> {
    let Phase::Live(live) = &tcb.phase else { return None };
    Some(Checkpoint { undelivered: tcb.untold(), ..live.conn.checkpoint(now) })
}

fn image_of_filter(filter: &Filter, hits: Hits) -> Image {
    let mut flags = FilterFlags(0);
    let mut image = Image::default();
    match filter.action {
        Action::Drop => flags = flags.with_drop(true),
        Action::Host { queue, report } => {
            flags = flags.with_direct_steer(queue.is_some()).with_report_tid(report.is_some());
            image.set(field::RSS_INFO, u64::from(queue.unwrap_or_default().0));
        }
        Action::Switch { port, l2t, rewrite_dmac, smac, vlan } => {
            let channel = TFlags(0).with_tx_channel(u64::from(port.0 & 3));
            flags = FilterFlags(channel.0)
                .with_lpbk(true)
                .with_rewrite_dmac(rewrite_dmac)
                .with_rewrite_smac(smac.is_some())
                .with_vlan_rewrite(vlan != crate::le::filters::VlanRewrite::Keep);
            image.set(field::L2T_IX, u64::from(l2t.unwrap_or_default().0 & 0xfff));
            image.set(field::SMAC_SEL, u64::from(smac.unwrap_or_default().0));
        }
    }
    image.set_flags(TFlags(flags.0));
    image.set_field(5, u64::from(u32::MAX), u64::from(hits.frames));
    image.set_field(6, u64::MAX, hits.bytes);
    image
}

impl<C: Card> Ctx<'_, C> {
    fn set_field(&mut self, tcb: &mut Tcb, request: &cpl::SetTcbField) {
        let (word, mask, val) = (request.word(), request.mask(), request.val());
        let reply = reply_queue(request.reply_ctrl());
        // Only an answer needs the bits before the write, and only the engine has all of them.
        let old = match reply {
            Some(_) => image_now(tcb, self.core.ticks, self.now).read64(word),
            None => 0,
        };
        let mishap = reply.and_then(|_| self.card.mishap(ControlKind::SetTcb));
        let written = match &tcb.phase {
            _ if mishap == Some(Mishap::Refused) && mask != 0 => Err(Unfit),
            Phase::Live(_) => self.write_live(tcb, word, mask, val),
            _ => self.write_image(tcb, word, mask, val),
        };
        if written.is_err() {
            self.core.counters.tcb_write_refused += 1;
        }
        if let Some(iq) = reply {
            let status = if written.is_ok() { Status::NONE } else { REFUSED };
            let message = request.reply(old).with_status(status);
            let message = Message { cpl: message.as_bytes(), payload: &[] };
            let mishap = mishap.filter(|&mishap| mishap != Mishap::Refused);
            self.core.answer_as(self.card, (iq, mishap), (tcb.tid, tcb.epoch), message);
        }
    }

    /// An image takes every bit. A write that clears NON_OFFLOAD lets the connection live, with all that the image
    /// says, that write included.
    fn write_image(&mut self, tcb: &mut Tcb, word: u8, mask: u64, val: u64) -> Result<(), Unfit> {
        let before = tcb.image;
        tcb.image.set_field(word, mask, val);
        tcb.reroute();
        if matches!(tcb.phase, Phase::NonOffload) && !tcb.image.flags().non_offload() {
            return self.go_live(tcb).inspect_err(|_| {
                tcb.image = before;
                tcb.reroute();
            });
        }
        Ok(())
    }

    /// The engine takes the connection over from its image.
    fn go_live(&mut self, tcb: &mut Tcb) -> Result<(), Unfit> {
        if tcb.key.tuple.is_v6() || refuse(&mut self.core.refusals.uploads) {
            return Err(Unfit);
        }
        let mss = mss_of(self.card, tcb.image.get(field::T_MAXSEG));
        let mut checkpoint = image::read(&tcb.image, mss, self.now, self.core.ticks)?;
        image::check(&checkpoint, tcb.tx.len(), 0, &[])?;
        let tuple = &tcb.key.tuple;
        (checkpoint.local_port, checkpoint.remote_port) = (tuple.local_port, tuple.peer_port);
        checkpoint.cwnd = checkpoint.cwnd.max(u32::from(mss));
        checkpoint.private.congestion = self.core.congestion_of(&tcb.image);
        let conn = Connection::restore(&mut self.core.engine, self.now, &checkpoint);
        let live = Live {
            closed: checkpoint.fin_posted,
            delivered: checkpoint.rcv_nxt.0,
            ..Live::new(conn, Opening::Done)
        };
        tcb.phase = Phase::Live(live);
        self.core.counters.uploads += 1;
        self.touch_up(tcb);
        Ok(())
    }

    /// A write to a live connection. What is the host's (next hop, queue, switches …) is changed where it lies; what
    /// is the engine's is carried over field by field.
    fn write_live(&mut self, tcb: &mut Tcb, word: u8, mask: u64, val: u64) -> Result<(), Unfit> {
        if mask == 0 {
            return Ok(());
        }
        if word == RETRANSMIT_TIMER.word && self.expires_timer(mask, val) {
            if let Phase::Live(live) = &mut tcb.phase {
                live.conn.expire_retransmit_timer(self.now);
            }
        } else if image::concerns_engine(word, mask) {
            self.edit_live(tcb, word, mask, val)?;
        }
        // Bits of the engine's fields mean nothing here: whoever looks sees the engine's.
        tcb.image.set_field(word, mask, val);
        tcb.reroute();
        self.apply_switches(tcb);
        self.touch_up(tcb);
        Ok(())
    }

    /// Whether a write at TIMESTAMP clears the bits that let the retransmission timer expire.
    fn expires_timer(&self, mask: u64, val: u64) -> bool {
        let bits = RETRANSMIT_TIMER.mask();
        mask & bits == bits && val & bits == 0
    }

    fn edit_live(&mut self, tcb: &mut Tcb, word: u8, mask: u64, val: u64) -> Result<(), Unfit> {
        let old = image_now(tcb, self.core.ticks, self.now);
        let mut new = old;
        new.set_field(word, mask, val);
        if new == old {
            return Ok(());
        }
        let mss = mss_of(self.card, new.get(field::T_MAXSEG));
        let current = checkpoint_now(tcb, self.now).ok_or(Unfit)?;
        let commits = self.core.commits_to(tcb);
        let Phase::Live(live) = &mut tcb.phase else { return Err(Unfit) };
        if new.flags().non_offload()
            || live.gated
            || live.fin_owed
            || !matches!(live.opening, Opening::Done)
        {
            return Err(Unfit);
        }
        let mut checkpoint = current.clone();
        image::edit(&mut checkpoint, &old, &new, mss, self.now, self.core.ticks)?;
        let untold = checkpoint.undelivered;
        if untold != current.undelivered {
            return Err(Unfit);
        }
        if !commits {
            checkpoint.undelivered = 0;
        }
        let undelivered = checkpoint.undelivered;
        image::check(&checkpoint, tcb.tx.len(), undelivered, &current.held)?;
        if old.flags().cctrl_sel() != new.flags().cctrl_sel() {
            checkpoint.private.congestion = self.core.congestion_of(&new);
            checkpoint.private.congestion_state = None;
        }
        // Another T_MAXSEG is news of the path, and what is under way in longer segments is sent again.
        let path_mss = core::mem::replace(&mut checkpoint.mss, current.mss);
        live.delivered = (checkpoint.rcv_nxt - untold).0;
        live.conn = Connection::restore(&mut self.core.engine, self.now, &checkpoint);
        live.closed = checkpoint.fin_posted;
        if path_mss != current.mss {
            live.conn.set_path_mss(&mut self.core.engine, path_mss);
        }
        Ok(())
    }

    /// The engine learns of the switches in T_FLAGS.
    pub(super) fn apply_switches(&mut self, tcb: &mut Tcb) {
        let switches = switches(tcb.image.flags());
        if let Phase::Live(live) = &mut tcb.phase {
            live.conn.set_switches(&self.core.engine, self.now, switches);
        }
    }
}
