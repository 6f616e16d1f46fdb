//! The new owner of a connection whose old one has been silenced. There is no way back, only forward:
//! the new adapter, once more the new adapter, the old one (to live on in the tunnel), in turn.

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Refused, Then, Via};
use mafo_pmd::question::Question;
use mafo_stack::tom::state::State;
use mafo_stack::tom::{Flow, Place, Progress, TidUse, t_state, window_behind};
use mafo_stack::{Core, Defect, MemberId, SocketId};
use mafo_t4::cpl::{Fw4Ack, ReplyCtrl, SetTcbField, SetTcbRpl, Status};
use mafo_t4::tcb::{self, TFlags, Tcb, field};
use mafo_tcp::SeqNum;

use crate::ask::card_clock;
use crate::bond::{Bond, BondEvent, LinkId};
use crate::entry::{Entry, Written};
use crate::handover::Move;
use crate::question::cookie;
use crate::refuge::REFUSALS_MAX;
use crate::snoop::{LetOut, Present};
use crate::stage::{Event, Stage};
use crate::upload::{self, CardClock, NotNow, Sent, Target, Upload, WRITES_PER_WR, Write};

/// Pause before the third owner, and each further one, is tried for a connection that has none.
const OWNER_PAUSE: Nanos = Nanos::from_millis(1);

/// A connection between two owners: this record is all there is of it.
#[derive(Debug)]
pub(crate) struct Orphan {
    /// Its last TCB.
    pub(crate) image: Tcb,
    /// Whether the image does not know what the peer last sent as its timestamp.
    pub(crate) recent_unknown: bool,
    /// The clock of the card that it comes from, read when that was no longer heard.
    pub(crate) clock: CardClock,
    /// The sum of earlier jumps of its timestamps.
    pub(crate) jumped: u32,
    /// The oldest byte that the peer has not acknowledged, as the image says.
    pub(crate) una: SeqNum,
    /// What the peer may have seen of the bytes behind it.
    pub(crate) shown: Shown,
}

/// What the peer may have seen of the bytes that it has not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All before this number, unless they were lost on the way as any segment may be.
    UpTo(SeqNum),
    /// All before this number, and nothing has come back since: they are sent again at once.
    Unheard(SeqNum),
}

impl Orphan {
    /// The image was taken while the old owner still lived, and could hear the peer by its own cable:
    /// what it delivered after that is part of the record. Of all that the peer knows nothing, since
    /// the old owner's acknowledgments were stopped already.
    pub(crate) fn hear(&mut self, rcv_nxt: SeqNum, state: tcb::State) {
        let image = &mut self.image;
        let more = u64::from(rcv_nxt.since(SeqNum(image.rcv_nxt())));
        let (last_ack, window) = (image.last_ack_sent(), image.get(field::RCV_WND));
        image.set(field::RCV_NXT, u64::from(rcv_nxt.0));
        image.set(field::RCV_WND, window.saturating_sub(more));
        image.set_last_ack_sent(last_ack);
        image.set_state(state);
    }

    /// A dead owner's echoes went through the host: they say what the peer's latest timestamp was to it.
    pub(crate) fn learn_recent(&mut self, told: &LetOut) {
        let Some(echoed) = told.ts_ecr.filter(|_| self.image.flags().recv_tstmp()) else { return };
        let known = self.image.get(field::T_RTSEQ_RECENT) as u32;
        if self.recent_unknown || echoed.wrapping_sub(known) as i32 > 0 {
            self.image.set(field::T_RTSEQ_RECENT, u64::from(echoed));
            self.recent_unknown = false;
        }
    }

    /// What a segment of the peer would say now of our side of the stream.
    pub(crate) fn present(&self, progress: &Progress) -> Present {
        let image = &self.image;
        let stamped = image.flags().recv_tstmp() && !self.recent_unknown;
        let una = self.sent(progress).una;
        Present {
            ack: una,
            window: window_behind(image, una),
            recent: stamped.then(|| image.get(field::T_RTSEQ_RECENT) as u32),
        }
    }

    /// The acknowledgment that the last owner sent last.
    pub(crate) fn last_ack_sent(&self) -> SeqNum {
        SeqNum(self.image.last_ack_sent())
    }

    /// The latest timestamp that the peer may have been shown, by the last owner or through the tunnel.
    pub(crate) fn last_stamp(&self, told: &LetOut) -> u32 {
        upload::last_stamp(&self.image, told, self.clock)
    }

    /// Where our side of the stream stands, by this record and the host's.
    pub(crate) fn sent(&self, progress: &Progress) -> Sent {
        let (una, end) = (self.una.later(progress.snd_una), progress.snd_end);
        let (Shown::UpTo(max) | Shown::Unheard(max)) = self.shown;
        // Bytes that it acknowledges it has seen, and none behind the last.
        let max = max.later(una).earlier(end);
        let nxt = if matches!(self.shown, Shown::Unheard(_)) { una } else { max };
        Sent { una, nxt, max, end }
    }
}

impl Bond {
    /// The old owner is silenced, and its last word has been heard.
    pub(crate) fn on_fence_reply(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(conn) = core.offloaded(id) else { return };
        core.let_go(conn.member, conn.tid, conn.l2t);
        let is_final = !core.has_defect(Defect::RecordNotFinal);
        if is_final && core.end_without_owner(id) {
            // The peer's FIN was the old owner's last word.
            return;
        }
        let Some(moving) = self.moves.get_mut(id) else { return };
        moving.advance(&mut self.transitions, Event::Silenced);
        moving.wake_up = now;
        if let (Some(orphan), Some(progress)) = (&mut moving.orphan, core.progress(id)) {
            let state = core.offloaded(id).map_or(State::Established, |conn| conn.state);
            if is_final {
                orphan.hear(progress.rcv_nxt, t_state(state));
            }
            let una = orphan.una.later(progress.snd_una);
            core.acknowledge(id, una);
        }
        if self.upload_enabled {
            self.find_owner(now, core, id);
        }
    }

    /// The connection has no owner: an entry for it is asked for, or written.
    pub(crate) fn find_owner(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        // What the last owner said leaves first, and a card that was asked answers first.
        let may_go_on = |moving: &&Move| moving.marker.is_none() && moving.entry_asked.is_none();
        let Some(moving) = self.moves.get(id).filter(may_go_on) else { return };
        let refused = moving.entry.is_none() && moving.owners_tried >= REFUSALS_MAX;
        let goes_home = self.stays_home(moving);
        let is_doubtful = moving.doubt.is_some();
        if is_doubtful {
            // It may have had one on another adapter before its owner died. The host path goes first.
            self.drop_entry(core, id);
        }
        if (refused || goes_home || is_doubtful) && self.shelter(now, core, id) {
            return;
        }
        if is_doubtful {
            return self.wait_in_doubt(now, core, id);
        }
        if goes_home && !self.has_link() {
            // Its way is down, as all others are; whichever comes is looked at at once.
            if let Some(moving) = self.moves.get_mut(id) {
                moving.wake_up = now + self.config.retry_max;
            }
            return;
        }
        if goes_home && let Some(moving) = self.moves.note(id) {
            // The host path cannot have it: whoever can is to be its owner.
            moving.goal = None;
        }
        let Some(moving) = self.moves.get(id) else { return };
        match &moving.entry {
            Some(_) => self.upload(now, core, id),
            None => {
                let Some(to) = self.next_place(moving) else {
                    // When an adapter is there again, it is looked at at once.
                    if let Some(moving) = self.moves.get_mut(id) {
                        moving.wake_up = now + self.config.retry_max;
                    }
                    return;
                };
                let asked = self.ask_entry(now, core, id, to);
                let Some(moving) = self.moves.get_mut(id) else { return };
                moving.wake_up = now + OWNER_PAUSE;
                if asked.is_ok() {
                    // An entry that is new on an adapter that is not active has to lead into its loopback.
                    self.point_hops(now, core);
                }
            }
        }
    }

    /// Where a connection without an owner is to live: on the active link, as was intended; and then where it comes
    /// from, in the tunnel.
    fn next_place(&self, moving: &Move) -> Option<LinkId> {
        let alive = |link: &LinkId| self.sides.contains_key(&link.member);
        let active = self.way(moving).filter(alive);
        let home = Some(moving.home).filter(alive);
        if moving.owners_tried == 0 || !moving.owners_tried.is_multiple_of(2) {
            active.or(home)
        } else {
            home.or(active)
        }
    }

    /// The card would not have the connection: another entry there, then another card, in turn and
    /// for as long as it takes. Whatever the peer sends meanwhile is held.
    pub(crate) fn next_owner(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        self.drop_entry(core, id);
        let Some(moving) = self.moves.get_mut(id) else { return };
        moving.owners_tried += 1;
        moving.advance(&mut self.transitions, Event::Refused);
        if moving.owners_tried > REFUSALS_MAX {
            // Not even an Ethernet port is there.
            moving.wake_up = now + OWNER_PAUSE;
        } else {
            self.find_owner(now, core, id);
        }
    }

    /// Writes the connection into its TCB on the new adapter; what finds no room is tried again.
    fn upload(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if self.moves.has_starved() {
            // Others were here before.
            self.moves.starve(id, false);
        } else {
            self.upload_now(now, core, id);
        }
    }

    /// Goes on with the uploads for which there was no room before, one after the other.
    pub(crate) fn feed(&mut self, now: Nanos, core: &mut Core) {
        while let Some(id) = self.moves.take_starved() {
            let start = self.config.meter.now();
            let waits = self.moves.get(id).is_some_and(|moving| {
                moving.stage == Stage::Uploading
                    && moving.entry.is_some()
                    && !moving.waits_for_card()
            });
            self.moves.hold(id);
            if waits {
                self.upload_now(now, core, id);
            }
            self.moves.file(id);
            self.moves.release(id);
            if self.moves.is_starved(id) {
                return;
            }
            self.charge(&[id], start);
        }
    }

    fn upload_now(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let entry = self.moves.get(id).and_then(|moving| moving.entry.as_ref());
        let before = entry.map(|entry| entry.written);
        match self.post_upload(core, id) {
            Ok(()) => self.expect_answer(now, id, before),
            Err(Obstacle::Room) => {
                self.counters.ring_full += 1;
                self.moves.starve(id, true);
            }
            Err(Obstacle::Credits) => {
                if let Some(moving) = self.moves.get_mut(id) {
                    moving.wake_up = now + OWNER_PAUSE;
                }
            }
            Err(Obstacle::Unfit(NotNow::Undelivered)) => {
                // The peer was told that we have more than its adapter had told us: there would be a hole.
                self.lose(now, core, id);
            }
            // Its clock would take the timestamps too far.
            Err(Obstacle::Unfit(_)) => self.next_owner(now, core, id),
        }
    }

    /// What is posted is to be answered now, unless it was already.
    fn expect_answer(&mut self, now: Nanos, id: SocketId, before: Option<Written>) {
        let patience = self.config.reply_deadline;
        let Some(moving) = self.moves.note(id) else { return };
        let written = moving.entry.as_ref().map(|entry| entry.written);
        if written != before && matches!(written, Some(Written::EndAsked | Written::All)) {
            moving.question = Some(Question::new(now, patience));
        }
    }

    /// Posts what is still to be posted of an upload, as far as it goes without an answer.
    fn post_upload(&mut self, core: &mut Core, id: SocketId) -> Result<(), Obstacle> {
        let Some(progress) = core.progress(id) else { return Ok(()) };
        let Some(moving) = self.moves.get_mut(id) else { return Ok(()) };
        let (Some(entry), Some(orphan)) = (&mut moving.entry, &moving.orphan) else {
            return Ok(());
        };
        let upload = match entry.plan.take() {
            Some(upload) => upload,
            None => plan(core, orphan, &progress, &moving.let_out, entry.to())
                .map_err(Obstacle::Unfit)?,
        };
        moving.ts_jump = upload.ts_jump;
        let posted = post_steps(core, id, entry, &upload);
        entry.plan = Some(upload);
        let is_written = entry.written == Written::All;
        if is_written {
            let left = self.replay_early(core, id);
            if let Some(entry) = self.moves.get_mut(id).and_then(|moving| moving.entry.as_mut()) {
                entry.unreplayed = left;
            }
        }
        posted.map_err(|refused| match refused {
            Refused::RingFull => Obstacle::Room,
            Refused::NoCredits => Obstacle::Credits,
        })
    }

    /// Work requests on a new tid are done with.
    pub(crate) fn on_new_tid_ack(&mut self, core: &mut Core, member: MemberId, ack: &Fw4Ack) {
        let owner = core.member(member).and_then(|m| m.tids.get(ack.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else { return };
        let entry = self.moves.get_mut(id).and_then(|m| m.entry.as_mut());
        if entry.is_none_or(|f| f.place.credits.give_back(ack.credits()).is_err()) {
            self.counters.unexpected += 1;
        }
    }

    /// A TCB is written: if it was the last write of an upload, the connection lives on the new adapter.
    pub(crate) fn on_set_tcb_rpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &SetTcbRpl,
    ) {
        let owner = core.member(member_id).and_then(|m| m.tids.get(reply.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else {
            let detour = owner.is_some_and(|used| match used {
                TidUse::Connection(id) => self.on_detour(now, core, id, reply),
                _ => false,
            });
            self.counters.unexpected += u64::from(!detour);
            return;
        };
        let Some(moving) = self.moves.get_mut(id) else { return };
        if moving.stage != Stage::Uploading {
            return;
        }
        let Some(entry) = &mut moving.entry else { return };
        let is_refused = match (entry.written, reply.cookie().cookie()) {
            (Written::EndAsked, cookie::END) | (Written::All, cookie::LIVE) => {
                reply.status() != Status::NONE
            }
            // Whether the last write was taken: asked when that did not say so itself.
            (Written::All, cookie::IS_LIVE) => {
                field::T_FLAGS.extract(reply.oldval()) & TFlags::NON_OFFLOAD_MASK != 0
            }
            _ => {
                // Late, or for the second time.
                self.counters.unexpected += 1;
                return;
            }
        };
        moving.question = None;
        if is_refused && !core.has_defect(Defect::RefusalIgnored) {
            self.counters.uploads_refused += 1;
            self.next_owner(now, core, id);
            return;
        }
        if entry.written == Written::EndAsked {
            // The low half of the 64 bits at TX_MAX is TX_MAX itself.
            let has_all =
                entry.plan.as_ref().is_some_and(|p| p.sent.end.0 == reply.oldval() as u32);
            // What the card has not taken yet it takes soon: asked again.
            entry.written = if has_all { Written::EndKnown } else { Written::Image };
            return self.upload(now, core, id);
        }
        self.go_live(now, core, id);
    }

    /// Whether the last write of an upload to `member` is with the card.
    pub(crate) fn is_written(&self, member: MemberId, id: SocketId) -> bool {
        let moving = self.moves.get(id).filter(|moving| moving.stage == Stage::Uploading);
        moving
            .and_then(|moving| moving.entry.as_ref())
            .is_some_and(|entry| entry.place.member == member && entry.written == Written::All)
    }

    /// Whether the peer has acknowledged more than when its connection was written.
    pub(crate) fn acknowledges_more(&self, id: SocketId, ack: &Fw4Ack) -> bool {
        let plan = self.moves.get(id).and_then(|moving| moving.entry.as_ref()?.plan.as_ref());
        ack.flags().seqval() && plan.is_some_and(|plan| SeqNum(ack.snd_una()).after(plan.sent.una))
    }

    /// The new adapter has the connection.
    pub(crate) fn go_live(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.get_mut(id) else { return };
        let Some(entry) = moving.entry.take() else { return };
        let (cause, speak) = (moving.cause, moving.speaks_first);
        moving.question = None;
        moving.advance(&mut self.transitions, Event::Live);
        self.jumps.insert(id, moving.ts_jump);
        let undrained = entry.plan.as_ref().is_some_and(|plan| !plan.sent.is_drained());
        self.counters.moved_undrained += u64::from(undrained);
        let ts_offset = entry.plan.as_ref().map_or(0, |plan| plan.ts_offset);
        let (to, place) = (entry.to(), Place { ts_offset, ..entry.place });
        if core.rebind(id, place).is_err() {
            self.counters.unexpected += 1;
        }
        self.replay(now, core, id, entry.unreplayed);
        core.resume(id);
        if speak {
            // What its last owner said may have died with the link.
            core.return_credits(id, true);
        }
        self.counters.moved += 1;
        self.log(now, BondEvent::Moved(id));
        self.finish(now, id, true);
        if !self.is_right(to)
            && let Some(conn) = core.offloaded(id)
        {
            // Another link became active meanwhile.
            let home = LinkId { member: conn.member, port: conn.port };
            self.enter(core, id, Move::new(now, home, self.config.retry_min, cause));
        }
    }
}

/// Why an upload does not go on.
enum Obstacle {
    /// No room in a ring: as soon as there is some.
    Room,
    /// The flow has no credits: when the firmware gives some back.
    Credits,
    /// It cannot be done on this card.
    Unfit(NotNow),
}

/// The steps of an upload, from where `entry` stands on. All go by one offload queue, whose order is that of the card.
fn post_steps(
    core: &mut Core,
    id: SocketId,
    entry: &mut Entry,
    upload: &Upload,
) -> Result<(), Refused> {
    if entry.written == Written::Nothing {
        tell_flow(core, id, &mut entry.place, &upload.sent)?;
        entry.written = Written::Fields(0);
    }
    while let Written::Fields(done) = entry.written {
        let drained = upload.sent.is_drained();
        let live: &[Write] = if drained { &upload.live } else { &[] };
        let len = upload.image.len() + live.len();
        let end = len.min(done + WRITES_PER_WR);
        let some = upload.image.iter().chain(live).skip(done).take(WRITES_PER_WR);
        post_writes(core, &mut entry.place, some, drained && end == len)?;
        entry.written = match (end == len, drained) {
            (false, _) => Written::Fields(end),
            (true, true) => Written::All,
            (true, false) => Written::Image,
        };
    }
    if entry.written == Written::Image {
        core.repost(id, &mut entry.place, &mut entry.reposted)?;
        ask_end(core, &mut entry.place)?;
        entry.written = Written::EndAsked;
    }
    if entry.written == Written::EndKnown {
        post_writes(core, &mut entry.place, upload.live.iter(), true)?;
        entry.written = Written::All;
    }
    Ok(())
}

/// Tells the firmware of the flow: the first work request of a tid.
fn tell_flow(core: &mut Core, id: SocketId, place: &mut Place, sent: &Sent) -> Result<(), Refused> {
    let (Some(conn), Some(progress)) = (core.offloaded(id), core.progress(id)) else {
        return Ok(());
    };
    let flow = Flow {
        snd_nxt: sent.una,
        rcv_nxt: progress.rcv_nxt,
        send_buffer: core.send_capacity(id),
        options: conn.options.with_mss(place.mss_idx.into()),
        state: t_state(conn.state),
        commits: core.is_protected(id),
    };
    let member = core.member_mut(place.member).ok_or(Refused::RingFull)?;
    member.tell_flow(place.port, place.tid, &mut place.credits, &flow)
}

/// Writes fields of the TCB, no more than fit one work request, with an answer to the last one if `answered`.
fn post_writes<'a>(
    core: &mut Core,
    place: &mut Place,
    writes: impl Iterator<Item = &'a Write>,
    answered: bool,
) -> Result<(), Refused> {
    let member = core.member_mut(place.member).ok_or(Refused::RingFull)?;
    let iq = member.iq();
    let none = SetTcbField::at(place.tid, 0, 0, 0).with_reply_ctrl(ReplyCtrl::SILENT);
    let mut fields = [none; WRITES_PER_WR];
    let mut len = 0;
    for (field, w) in fields.iter_mut().zip(writes) {
        *field =
            SetTcbField::at(place.tid, w.word, w.mask, w.value).with_reply_ctrl(ReplyCtrl::SILENT);
        len += 1;
    }
    if let Some(last) = fields[..len].last_mut().filter(|_| answered) {
        *last = last.with_reply_ctrl(ReplyCtrl::to(iq)).with_cookie(cookie::LIVE);
    }
    let eq = member.ofld(place.port).ok_or(Refused::RingFull)?;
    ofld::tcb_batch(Via::Offload(eq, &mut place.credits, Then::Idle), place.tid, &fields[..len])
}

/// Asks for TX_MAX: when it is where payload ends, the card has all of it.
pub(crate) fn ask_end(core: &mut Core, place: &mut Place) -> Result<(), Refused> {
    let member = core.member_mut(place.member).ok_or(Refused::RingFull)?;
    let read = SetTcbField::read(place.tid, field::TX_MAX.word, member.iq());
    let read = read.with_cookie(cookie::END);
    let eq = member.ofld(place.port).ok_or(Refused::RingFull)?;
    ofld::set_tcb_field(Via::Offload(eq, &mut place.credits, Then::Idle), &read)
}

/// Asks for T_FLAGS, behind the write that lets the connection live: as long as NON_OFFLOAD is set it does not.
pub(crate) fn ask_if_live(core: &mut Core, place: &mut Place) -> Result<(), Refused> {
    let member = core.member_mut(place.member).ok_or(Refused::RingFull)?;
    let read = SetTcbField::read(place.tid, field::T_FLAGS.word, member.iq());
    let read = read.with_cookie(cookie::IS_LIVE);
    let eq = member.ofld(place.port).ok_or(Refused::RingFull)?;
    ofld::set_tcb_field(Via::Offload(eq, &mut place.credits, Then::Idle), &read)
}

/// What is written so that the entry on `to` becomes the connection.
pub(crate) fn plan(
    core: &Core,
    orphan: &Orphan,
    progress: &Progress,
    told: &LetOut,
    to: LinkId,
) -> Result<Upload, NotNow> {
    let Some(member) = core.member(to.member) else {
        return Err(NotNow::State(orphan.image.state()));
    };
    let clock = card_clock(member).ok_or(NotNow::NoClock)?;
    let target = Target { clock, port: to.port, defects: core.defects() };
    let sent = orphan.sent(progress);
    let mut plan = upload::plan(&orphan.image, sent, told, orphan.clock, &target, orphan.jumped)?;
    if orphan.recent_unknown {
        plan.forget_recent(&target);
    }
    plan.ts_jump += orphan.jumped;
    Ok(plan)
}
