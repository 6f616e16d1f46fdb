//! The handover: one connection after the other, many at a time, gets a new owner, by the stages of [`crate::stage`].
//!
//! *Suspended*: new payload waits in the socket; the 4-tuple is a filter on the new adapter; the peer
//! acknowledges what is under way. *Held*: frames of the peer wait in the host while a marker flushes
//! those that were put into the old adapter. *Gated*: whatever the old adapter still says is dropped,
//! its TCB is read. *Fenced*: the old TCB is aborted without a word. *Uploading*: the new TCB is written,
//! on the new adapter or, if that refuses, on the old one: then it is Tunnelled again.

use std::collections::VecDeque;

use mafo_mem::{Full, Nanos};
use mafo_pmd::question::Question;
use mafo_stack::tom::TidUse;
use mafo_stack::tom::state::State;
use mafo_stack::{Core, Defect, Handover, MemberId, SocketId};
use mafo_t4::PortId;
use mafo_t4::cpl::GetTcbRpl;
use mafo_t4::tcb::{Tcb, field};
use mafo_tcp::SeqNum;

use crate::ask::{ask_for_answer, card_clock, heard_lately, post_fence};
use crate::bond::{Bond, BondEvent, LinkId};
use crate::detour::{Detour, leads_out};
use crate::doubt::Doubt;
use crate::entry::{Entry, NoEntry, Written};
use crate::owner::{self, Orphan, Shown};
use crate::question::cookie;
use crate::snoop::{LetIn, LetOut};
use crate::stage::{Event, Next, Stage, Transitions};
use crate::tunnel::{Marker, is_settled};
use crate::upload::{self, NotNow};

/// A connection that lives elsewhere than on the active link.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) cause: Cause,
    pub(crate) stage: Stage,
    /// Where the connection lives.
    pub(crate) home: LinkId,
    /// When something is to be done, at the latest.
    pub(crate) wake_up: Nanos,
    pub(crate) pause: Nanos,
    /// Questions asked again in this stage.
    pub(crate) asked: u8,
    /// Its attempts so far: what a card says late of an earlier one is told apart.
    pub(crate) attempt: u8,
    /// What a card was asked last, until it answers.
    pub(crate) question: Option<Question>,
    pub(crate) entry: Option<Entry>,
    /// A filter was asked for and has not been answered.
    pub(crate) entry_asked: Option<LinkId>,
    /// Behind the last work request there is one that is answered.
    answer_asked: bool,
    /// What the peer had acknowledged when the drain was last looked at.
    drained_to: Option<SeqNum>,
    /// Whether this attempt waits for the peer to acknowledge everything.
    kind: Kind,
    /// The marker behind the last frames of the host path, while the connection waits for it.
    pub(crate) marker: Option<u64>,
    /// The link by which the host path spoke for it last, which need not be its own way.
    pub(crate) left_by: Option<LinkId>,
    /// Behind the last byte that earlier owners were given: when the peer has acknowledged more, it has taken the
    /// timestamps of the present one.
    pub(crate) proof: Option<SeqNum>,
    /// The timestamp that its peer is to say it took, before ours may jump again.
    pub(crate) proof_of: Option<u32>,
    /// The new owner is to say at once where the connection stands.
    pub(crate) speaks_first: bool,
    pub(crate) orphan: Option<Orphan>,
    /// Owners tried since the old one was silenced.
    pub(crate) owners_tried: u32,
    /// By how much timestamps jump with the owner that is being tried.
    pub(crate) ts_jump: u32,
    /// What the peer was told since the connection is tunnelled.
    pub(crate) let_out: LetOut,
    /// What the peer sent beyond a gap since the connection is tunnelled.
    pub(crate) let_in: LetIn,
    /// When the peer's last frame was let in.
    pub(crate) heard: Option<Nanos>,
    pub(crate) held: VecDeque<Vec<u8>>,
    /// Its peer may have been told more than the host has.
    pub(crate) doubt: Option<Doubt>,
    /// Where it is to live; `None`: where the bond says.
    pub(crate) goal: Option<Goal>,
    pub(crate) detour: Detour,
    /// Since when its frames cross the host.
    since: Nanos,
}

/// Connections that are being cut over, and the marker that they wait for.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Of the marker.
    number: u64,
    home: LinkId,
    /// By which link its connections are to go on.
    way: LinkId,
    /// Through whose queue and loopback the marker goes.
    through: LinkId,
    flushes: Flushes,
    connections: Vec<SocketId>,
    deadline: Nanos,
}

/// What has gone where it was going when a marker is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushes {
    /// Frames of the peer, into the old adapter.
    Injected,
    /// The old adapter's last frames, out of the new one's Ethernet queue. Its TP does not wait for that queue.
    LetOut,
}

/// Why a connection lives elsewhere than on the active link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its link failed: what it said last may never have arrived.
    Failure,
    /// Another link was made the active one.
    Wish,
}

/// Where a single connection is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// On the adapter of a link, by its port.
    Link(LinkId),
    /// On the host path.
    Host,
}

/// How an attempt goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The peer acknowledges everything first.
    Drained,
    /// What it has not acknowledged is posted again.
    Instant,
}

/// Why an attempt is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// It took too long, or the card refused: later.
    Later,
    /// Another link is active now: at once.
    Elsewhere,
}

/// How long the peer's answer to the first frames through the tunnel is waited for.
const ANSWER_TIME: Nanos = Nanos::from_millis(20);
/// Looks at what others have changed meanwhile, in one poll.
const ROUNDS: usize = 4;
/// Questions to a card before it is given up.
const ASKS_MAX: u8 = 5;

impl Batch {
    /// Whether the marker of the batch goes through an adapter, or its connections live there.
    pub(crate) fn is_with(&self, member: MemberId) -> bool {
        self.home.member == member || self.through.member == member
    }
}

impl Move {
    pub(crate) fn new(now: Nanos, home: LinkId, pause: Nanos, cause: Cause) -> Self {
        Self {
            cause,
            stage: Stage::Tunnelled,
            home,
            wake_up: now,
            pause,
            asked: 0,
            attempt: 0,
            question: None,
            entry: None,
            entry_asked: None,
            answer_asked: false,
            drained_to: None,
            kind: Kind::Drained,
            marker: None,
            left_by: None,
            proof: None,
            proof_of: None,
            speaks_first: false,
            orphan: None,
            owners_tried: 0,
            ts_jump: 0,
            let_out: LetOut::default(),
            let_in: LetIn::default(),
            heard: None,
            held: VecDeque::new(),
            doubt: None,
            goal: None,
            detour: Detour::None,
            since: now,
        }
    }

    /// Something happens: the next stage, if there is one. What cannot happen is a bug of ours.
    pub(crate) fn advance(&mut self, transitions: &mut Transitions, event: Event) {
        transitions.note(self.stage, event);
        match self.stage.on(event) {
            Some(Next::Stage(stage)) => self.stage = stage,
            Some(Next::Over) => {}
            None => debug_assert!(false, "{event:?} in {:?}", self.stage),
        }
    }

    /// Whether frames of the peer are kept.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.stage, Stage::Held | Stage::Gated | Stage::Fenced | Stage::Uploading)
    }

    /// Whether the peer may still be about to answer what the connection was made to say when it went
    /// into the tunnel. Its answer is worth waiting for: it repairs what the dead link swallowed, where
    /// a connection with gaps could not move.
    fn is_fresh(&self, now: Nanos) -> bool {
        self.heard.is_none() && now - self.since < ANSWER_TIME
    }

    /// Whether the peer may not have heard what the connection said last, nor can have said so.
    pub(crate) fn is_unheard(&self) -> bool {
        self.cause == Cause::Failure && self.heard.is_none()
    }

    /// When there is something to do without an answer coming in, or since none has come.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        let asked = self.question.map(|question| question.due());
        self.wakes_up().into_iter().chain(asked).min()
    }

    fn wakes_up(&self) -> Option<Nanos> {
        match self.stage {
            Stage::Tunnelled if self.heard.is_none() => {
                Some(self.wake_up.max(self.since + ANSWER_TIME))
            }
            Stage::Fenced if self.marker.is_none() => None,
            Stage::Rechannelling => None,
            Stage::Uploading if self.waits_for_card() => None,
            _ => Some(self.wake_up),
        }
    }

    /// Whether the old owner is no longer heard.
    pub(crate) fn is_gated(&self) -> bool {
        matches!(self.stage, Stage::Gated | Stage::Fenced | Stage::Uploading)
    }

    /// Whether an answer about the new owner is to come: to its open, or to its last write.
    pub(crate) fn waits_for_card(&self) -> bool {
        let written = self.entry.as_ref().is_some_and(|f| f.written == Written::All);
        self.entry_asked.is_some() || written
    }

    /// Whether the old owner may have been silenced: there is no way back to it.
    pub(crate) fn is_past_return(&self) -> bool {
        matches!(self.stage, Stage::Fenced | Stage::Uploading)
    }
}

impl Bond {
    /// How a connection is to be handed over.
    pub(crate) fn policy(&self, core: &Core, id: SocketId) -> Handover {
        core.options(id).and_then(|options| options.handover).unwrap_or(self.config.handover)
    }

    /// Moves on what can be moved on.
    pub(crate) fn poll_moves(&mut self, now: Nanos, core: &mut Core) {
        self.poll_sweep(now, core);
        self.moves.touch_due(now);
        for _ in 0..ROUNDS {
            let touched = self.moves.take_touched();
            if touched.is_empty() {
                break;
            }
            for id in touched {
                self.look(now, core, id);
            }
        }
        self.feed(now, core);
        self.poll_reads(now, core);
        while self.moves.under_way() < self.config.moves_max
            && let Some(id) = self.moves.take_turn()
        {
            self.look(now, core, id);
            if self.moves.is_queued(id) {
                break;
            }
        }
        self.cut_over(now, core);
    }

    /// Looks what is to be done for a connection now.
    pub(crate) fn look(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let start = self.config.meter.now();
        let before = self.stage(id);
        self.moves.hold(id);
        self.ask_again(now, core, id);
        self.poll_move(now, core, id);
        self.moves.file(id);
        self.moves.release(id);
        let after = self.stage(id);
        // Looking at one that only waits is no work for it.
        if after != before || after == Some(Stage::Uploading) {
            self.charge(&[id], start);
        }
    }

    fn poll_move(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if self.moves.get(id).is_some_and(|moving| moving.stage == Stage::Sheltered) {
            return self.poll_sheltered(now, core, id);
        }
        let Some(active) = self.way_of(id) else {
            // No link carries: meanwhile it lives where it is, and what it does is known.
            if self.moves.get(id).is_some_and(|moving| moving.stage.on(Event::Undo).is_some()) {
                self.undo(now, core, id, Undo::Elsewhere);
            }
            return;
        };
        let alive = core.offloaded(id).map(|conn| conn.state);
        let Some(state) = alive else {
            // It ended: by its peer, by its application, in good order or not.
            self.jumps.remove(id);
            self.abandon(core, id);
            return;
        };
        let policy = self.policy(core, id);
        let drain_time = match self.stage(id) {
            Some(Stage::Suspended) => self.drain_time(core, id),
            _ => Nanos::ZERO,
        };
        let has_to_take = self.given.contains_key(&id);
        let Some(moving) = self.moves.get_mut(id) else { return };
        if moving.is_past_return() {
            if moving.marker.is_some() && now >= moving.wake_up {
                // Lost with the link that it was to go through.
                return self.mark_departure(now, core, id);
            }
            if moving.stage == Stage::Uploading
                && !moving.waits_for_card()
                && now >= moving.wake_up
                && self.upload_enabled
            {
                self.find_owner(now, core, id);
            }
            return;
        }
        let is_past_undo = !matches!(moving.stage, Stage::Suspended | Stage::Held | Stage::Gated);
        let goes_home = self.moves.get(id).is_some_and(|moving| self.stays_home(moving));
        let Some(moving) = self.moves.get_mut(id) else { return };
        if moving.home == active && !goes_home && moving.stage != Stage::Rechannelling {
            if moving.detour != Detour::None && moving.stage != Stage::Tunnelled {
                // Its card speaks by a wire as soon as it has heard of it: past a gate.
                self.undo(now, core, id, Undo::Elsewhere);
            }
            if !self.is_back(now, core, id) {
                return;
            }
            let Some(moving) = self.moves.get_mut(id) else { return };
            // Its own link is active again: nothing has to move.
            self.transitions.note(moving.stage, Event::OwnLinkBack);
            self.undo(now, core, id, Undo::Elsewhere);
            self.finish(now, id, false);
            return;
        }
        // On the host path nothing is entered; on an adapter something has to be.
        let to = moving.entry.as_ref().map(Entry::to);
        if to != (!goes_home).then_some(active) && !is_past_undo {
            self.undo(now, core, id, Undo::Elsewhere);
            return;
        }
        if now < moving.wake_up && moving.stage != Stage::Suspended {
            return;
        }
        match moving.stage {
            Stage::Tunnelled
                if moving.home.member != active.member
                    && moving.is_fresh(now)
                    && policy != Handover::Instant => {}
            Stage::Tunnelled if has_to_take => {}
            Stage::Tunnelled if Self::is_movable(state) && state != State::Aborting => {
                if moving.home.member == active.member && !goes_home {
                    // It may have been on its way elsewhere, alone: its next hop is that of the others again, first.
                    if self.is_back(now, core, id) {
                        self.rechannel(now, core, id, active.port);
                    }
                } else if self.is_detoured(now, core, id) {
                    self.suspend(now, core, id, (active, policy));
                }
            }
            Stage::Tunnelled => moving.wake_up = now + self.config.retry_min,
            Stage::Suspended if state == State::Aborting => self.undo(now, core, id, Undo::Later),
            Stage::Suspended if now >= moving.wake_up => {
                // While the peer acknowledges, its application gets bytes and ours has only to wait: no
                // reason to begin anew with another buffer full.
                let una = core.progress(id).map(|p| p.snd_una);
                if una != std::mem::replace(&mut moving.drained_to, una) {
                    moving.wake_up = now + drain_time;
                } else if policy == Handover::Auto && moving.kind == Kind::Drained {
                    moving.kind = Kind::Instant;
                    moving.wake_up = now + drain_time;
                } else {
                    self.undo(now, core, id, Undo::Later);
                }
            }
            Stage::Gated if (1..ASKS_MAX).contains(&moving.asked) => {
                // What finds no room now is asked in the next poll.
                let _ = self.read_tcb(now, core, id);
            }
            Stage::Gated if moving.asked >= ASKS_MAX => {
                // What is held is for its next owner: a mute one would be given it in vain.
                core.give_up_on(moving.home.member);
            }
            Stage::Held | Stage::Gated => self.undo(now, core, id, Undo::Later),
            Stage::Suspended if !moving.answer_asked => {
                moving.answer_asked = ask_for_answer(core, id);
            }
            Stage::Suspended
            | Stage::Fenced
            | Stage::Uploading
            | Stage::Rechannelling
            | Stage::Sheltered => {}
        }
    }

    /// Moves a connection to another port of the same adapter. Its next hop leads there already.
    fn rechannel(&mut self, now: Nanos, core: &mut Core, id: SocketId, to: PortId) {
        let changed = core.change_channel(id, to).is_ok();
        let Some(moving) = self.moves.get_mut(id) else { return };
        if changed {
            moving.advance(&mut self.transitions, Event::Rechannel);
            // Its card speaks by a wire again: what went through the host before is not its last word.
            moving.let_out.ack = None;
            moving.question = Some(Question::new(now, self.config.reply_deadline));
            self.log(now, BondEvent::Suspended(id));
        } else {
            moving.wake_up = now + self.config.retry_min;
        }
    }

    /// Nothing new is posted; the new adapter is asked for a filter of the 4-tuple.
    fn suspend(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        (to, policy): (LinkId, Handover),
    ) {
        if self.moves.under_way() >= self.config.moves_max {
            return self.moves.queue(id, false);
        }
        let goes_home = self.moves.get(id).is_some_and(|moving| self.stays_home(moving));
        let asked = if goes_home { Ok(()) } else { self.ask_entry(now, core, id, to) };
        if asked == Err(NoEntry::Room) {
            return self.moves.queue(id, true);
        }
        core.suspend(id);
        let answer_asked = ask_for_answer(core, id);
        let deadline = now + self.drain_time(core, id);
        let drained_to = core.progress(id).map(|p| p.snd_una);
        let Some(moving) = self.moves.get_mut(id) else { return };
        moving.advance(&mut self.transitions, Event::Suspend);
        moving.kind = match policy {
            Handover::Instant => Kind::Instant,
            Handover::Auto | Handover::Drained => Kind::Drained,
        };
        moving.wake_up = deadline;
        moving.attempt = moving.attempt.wrapping_add(1);
        moving.drained_to = drained_to;
        moving.answer_asked = answer_asked;
        if asked.is_ok() {
            self.log(now, BondEvent::Suspended(id));
        } else {
            self.undo(now, core, id, Undo::Later);
        }
    }

    /// Takes all connections that are ready for it to the marker, a batch at a time.
    fn cut_over(&mut self, now: Nanos, core: &mut Core) {
        if let Some(batch) = &self.batch {
            if now < batch.deadline {
                return;
            }
            // The marker is lost: the connections of the batch run into their own deadlines.
            self.batch = None;
        }
        let draining = self.moves.take_draining();
        let ready = self.ready(core, &draining);
        self.moves.put_draining(draining);
        let Some(&(_, home, way)) = ready.first() else { return };
        let start = self.config.meter.now();
        let batch = ready.into_iter().filter(|&(_, h, w)| (h, w) == (home, way));
        let batch: Vec<SocketId> = batch.map(|(id, ..)| id).collect();
        if !self.flush(now, core, (home, way), Flushes::Injected, batch.clone()) {
            return;
        }
        let deadline = now + self.config.reply_deadline;
        for &id in &batch {
            if let Some(moving) = self.moves.note(id) {
                moving.advance(&mut self.transitions, Event::Hold);
                moving.wake_up = deadline;
                moving.asked = 0;
            }
            self.moves.file(id);
            // The TCB that is read next has to know of all credits that were ever returned.
            if !core.has_defect(Defect::CreditsNotWithheld) {
                core.withhold_credits(id);
            }
        }
        self.charge(&batch, start);
    }

    /// Those of `draining` that can be cut over, where they live, and by which link they are to go on.
    fn ready(&mut self, core: &Core, draining: &[SocketId]) -> Vec<(SocketId, LinkId, LinkId)> {
        let mut ready = Vec::new();
        for &id in draining {
            let (Some(moving), Some(conn)) = (self.moves.get(id), core.offloaded(id)) else {
                continue;
            };
            let has_entry = moving.entry_asked.is_none() && moving.entry.is_some();
            let Some(way) = self.way(moving) else { continue };
            if (has_entry || self.stays_home(moving))
                && is_ready(core, id, moving.kind)
                && is_looped(core, id)
            {
                ready.push((id, moving.home, way));
            } else if conn.state == State::Aborting || !moving.answer_asked {
                self.moves.touch(id);
            }
        }
        // One that began anew may be listed twice.
        ready.sort_unstable();
        ready.dedup();
        ready
    }

    /// Sends a marker for connections at `home` that are to go on by `way`. `false` when its queue is full.
    fn flush(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (home, way): (LinkId, LinkId),
        flushes: Flushes,
        connections: Vec<SocketId>,
    ) -> bool {
        let through = match flushes {
            Flushes::Injected => home,
            Flushes::LetOut => way,
        };
        let Some(Marker { number, deadline }) = self.mark(now, core, through) else { return false };
        self.batch = Some(Batch { number, home, way, through, flushes, connections, deadline });
        true
    }

    /// A marker is back: all that was queued before it is where it was going.
    pub(crate) fn on_flushed(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (member, port): (MemberId, PortId),
        number: u64,
    ) {
        let is_clear = self.on_loopback_clear(member, port, number);
        let Some(batch) = self.batch.take_if(|b| b.number == number && b.through.member == member)
        else {
            if !self.on_queue_clear(now, core, member, number)
                && !self.on_departure_marked(now, core, number)
                && !is_clear
            {
                self.counters.unexpected += 1;
            }
            return;
        };
        let start = self.config.meter.now();
        let waits_for = match batch.flushes {
            Flushes::Injected => Stage::Held,
            Flushes::LetOut => Stage::Gated,
        };
        let waits = |&id: &SocketId| {
            let moving = self.moves.get(id);
            moving.is_some_and(|m| m.stage == waits_for && m.home == batch.home && m.asked == 0)
        };
        let ids: Vec<SocketId> = batch.connections.iter().copied().filter(waits).collect();
        match batch.flushes {
            Flushes::Injected => {
                for &id in &ids {
                    if let Some(moving) = self.moves.get_mut(id) {
                        moving.advance(&mut self.transitions, Event::Flushed);
                        moving.wake_up = now + self.config.reply_deadline;
                    }
                }
                // From here on nothing of the old adapter goes into this queue.
                if self.is_plain(batch.way.member) || core.has_defect(Defect::NoMarker) {
                    self.read_all(now, core, &ids);
                } else {
                    let links = (batch.home, batch.way);
                    self.flush(now, core, links, Flushes::LetOut, ids.clone());
                }
            }
            Flushes::LetOut => self.read_all(now, core, &ids),
        }
        self.charge(&ids, start);
    }

    /// What was let out of these is on the wire, or ahead of all that comes: their TCBs are read.
    fn read_all(&mut self, now: Nanos, core: &mut Core, ids: &[SocketId]) {
        let attempts = ids.iter().filter_map(|&id| Some((id, self.moves.get(id)?.attempt)));
        self.reads.extend(attempts);
        self.poll_reads(now, core);
    }

    /// Reads the TCBs of those that are gated, as far as there is room for the questions.
    fn poll_reads(&mut self, now: Nanos, core: &mut Core) {
        while let Some(&(id, attempt)) = self.reads.front() {
            // An attempt made anew waits for a marker of its own.
            let waits = |m: &Move| (m.stage, m.asked, m.attempt) == (Stage::Gated, 0, attempt);
            if self.moves.get(id).is_some_and(waits) && self.read_tcb(now, core, id) == Err(Full) {
                return;
            }
            self.reads.pop_front();
        }
    }

    /// The old adapter's TCB. It comes behind all that the adapter had delivered before.
    pub(crate) fn on_get_tcb_rpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &GetTcbRpl,
    ) {
        let owner = core.member(member_id).and_then(|m| m.tids.get(reply.tid()).copied());
        let Some(TidUse::Connection(id)) = owner else {
            self.counters.unexpected += 1;
            return;
        };
        if reply.cookie() == cookie::GIVEN {
            return self.on_given(now, core, id, &reply.tcb());
        }
        let is_asked =
            |m: &Move| m.stage == Stage::Gated && cookie::read(m.attempt) == reply.cookie();
        if !self.moves.get(id).is_some_and(is_asked) {
            // A question that was asked twice is answered twice.
            return;
        }
        match self.last_record(core, id, reply.tcb()) {
            Ok(orphan) => {
                let acked_lately = heard_lately(now, core, id);
                let held = upload::fragments(&reply.tcb());
                self.counters.moved_gapped += u64::from(!held.is_empty());
                if let Some(moving) = self.moves.get_mut(id) {
                    moving.speaks_first = acked_lately && moving.is_unheard();
                    moving.orphan = Some(orphan);
                    moving.let_in.restrict(&held);
                }
                self.fence(now, core, id);
            }
            Err(why) => {
                if why == NotNow::TimestampBudget {
                    self.ask_proof(now, core, id, &reply.tcb());
                }
                self.undo(now, core, id, Undo::Later);
            }
        }
    }

    /// What is left of a connection when its owner is silenced now; an error if that would lose
    /// something, or if the new owner could not take it.
    fn last_record(&self, core: &Core, id: SocketId, image: Tcb) -> Result<Orphan, NotNow> {
        let unfit = NotNow::State(image.state());
        let (Some(moving), Some(progress)) = (self.moves.get(id), core.progress(id)) else {
            return Err(unfit);
        };
        if !is_ready(core, id, moving.kind) {
            // The application has given up since: the old owner has been told, and answers.
            return Err(unfit);
        }
        if SeqNum(image.rcv_nxt()) != progress.rcv_nxt {
            return Err(NotNow::Undelivered);
        }
        if !moving.let_in.covers(&upload::fragments(&image)) {
            return Err(NotNow::Fragments);
        }
        let clock = core.member(moving.home.member).and_then(card_clock).ok_or(NotNow::NoClock)?;
        let una = SeqNum(image.snd_una());
        if moving.kind == Kind::Drained && una != progress.snd_end {
            return Err(NotNow::NotDrained);
        }
        // What the present owner was the first to send has been acknowledged: the peer took its timestamps.
        let proved = core.has_proved_owner(id);
        let jumped = if proved { 0 } else { self.jumps.get(id).copied().unwrap_or(0) };
        let max = SeqNum(image.snd_max());
        let shown = if moving.is_unheard() { Shown::Unheard(max) } else { Shown::UpTo(max) };
        // Its owner was not told, after a death, and has heard nothing since.
        let stamped = image.flags().recv_tstmp();
        let recent_unknown = stamped && image.get(field::T_RTSEQ_RECENT) == 0;
        let orphan = Orphan { image, recent_unknown, clock, jumped, una, shown };
        // Another link may have become active in this very poll: its own adapter's perhaps, which then
        // speaks by the wire, past the gate.
        if self.stays_home(moving) {
            return Ok(orphan);
        }
        let to = moving.entry.as_ref().map(Entry::to);
        let to = to.filter(|_| to == self.way(moving)).ok_or(unfit)?;
        owner::plan(core, &orphan, &progress, &moving.let_out, to).map(|_| orphan)
    }

    /// Silences the old owner: from here there is no way back to it.
    fn fence(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        core.withhold_credits(id);
        if !post_fence(core, id) {
            self.counters.ring_full += 1;
            self.undo(now, core, id, Undo::Later);
            return;
        }
        if let Some(moving) = self.moves.get_mut(id) {
            moving.advance(&mut self.transitions, Event::Silence);
        }
        self.moves.note_fenced(id);
    }

    /// A connection begins to move.
    pub(crate) fn enter(&mut self, core: &mut Core, id: SocketId, moving: Move) {
        // Whose socket was in this place before has ended, and nobody has looked since.
        if let Some(before) = self.moves.at(id.index()).filter(|&before| before != id) {
            self.jumps.remove(before);
            self.abandon(core, before);
        }
        self.moves.insert(id, moving);
    }

    pub(crate) fn finish(&mut self, now: Nanos, id: SocketId, moved: bool) {
        self.moves.remove(id);
        if moved {
            self.moved_any = true;
            self.tell_all_moved(now);
        }
    }

    /// Takes an attempt back: the old adapter goes on as if nothing had been.
    pub(crate) fn undo(&mut self, now: Nanos, core: &mut Core, id: SocketId, why: Undo) {
        self.drop_entry(core, id);
        self.release_held(now, core, id);
        let Some(moving) = self.moves.get_mut(id) else { return };
        if moving.stage != Stage::Tunnelled {
            moving.advance(&mut self.transitions, Event::Undo);
            self.counters.attempts_undone += 1;
            if moving.kind == Kind::Instant && moving.is_unheard() {
                // It stays in the tunnel for now: there it has to be made to speak.
                self.kicks.push_back(id);
            }
        }
        moving.orphan = None;
        moving.asked = 0;
        moving.wake_up = match why {
            Undo::Later => now + moving.pause,
            Undo::Elsewhere => now,
        };
        if why == Undo::Later {
            moving.pause = (moving.pause + moving.pause).min(self.config.retry_max);
        }
        core.resume(id);
    }

    /// The connection is gone.
    pub(crate) fn abandon(&mut self, core: &mut Core, id: SocketId) {
        self.drop_entry(core, id);
        self.drop_detour(core, id);
        if let Some(stage) = self.stage(id) {
            self.moves.remove(id);
            self.transitions.note(stage, Event::Ended);
            self.counters.ended_in_move += 1;
        }
    }
}

/// Whether the adapter has taken over what was last written to a connection's next hop: before, what it says leaves by
/// its wire, where no gate stops it.
fn is_looped(core: &Core, id: SocketId) -> bool {
    is_settled(core, id) && !leads_out(core, id)
}

/// Whether a connection can be taken to its new owner: as soon as its handshake is through, or when the peer has
/// acknowledged everything, its FIN too.
fn is_ready(core: &Core, id: SocketId, kind: Kind) -> bool {
    let (Some(conn), Some(progress)) = (core.offloaded(id), core.progress(id)) else {
        return false;
    };
    match kind {
        Kind::Instant => conn.state.is_live(),
        Kind::Drained => {
            let settled =
                matches!(conn.state, State::Established | State::CloseWait | State::FinWait2);
            settled && progress.is_drained()
        }
    }
}
