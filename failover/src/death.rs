//! An adapter dies: its connections go on by the host's own record.
//!
//! Whoever finds out that an adapter is dead silences it first (its reset line), takes its memory away, and lets the
//! stack hear what its queue still holds ([`Core::hear_out`], [`Core::bury`]). Then [`Bond::on_adapter_dead`] finds an
//! owner for every connection that it had. The commit rule makes the host's record whole: the peer believes nothing
//! that the host has not been told. Without it the peer has to be asked ([`crate::doubt`]).

use mafo_mem::Nanos;
use mafo_stack::tom::state::State;
use mafo_stack::tom::t_state;
use mafo_stack::{Core, MemberId, SocketId};
use mafo_tcp::SeqNum;

use crate::ask::heard_lately;
use crate::bond::{Bond, BondEvent, LinkId};
use crate::decide::Decided;
use crate::detour::Detour;
use crate::doubt::{Doubt, first_stamp};
use crate::entry::Written;
use crate::filters::Side;
use crate::handover::{Cause, Move};
use crate::owner::{Orphan, Shown};
use crate::stage::{Event, Stage};
use crate::upload::CardClock;

/// By how much the clock of a dead card may be ahead of where its last report says it is, in its own ticks of about a
/// millisecond.
const CLOCK_MARGIN: u32 = 8;

impl Bond {
    /// `member` is dead and silenced, and the stack has buried it. Its connections are given to other adapters, as soon
    /// as there is one. Those that went by a port that is no adapter's are here, and go by another link.
    pub fn on_adapter_dead(&mut self, now: Nanos, core: &mut Core, member: MemberId) {
        for link in self.links.iter_mut().filter(|link| link.id.member == member) {
            link.lose();
        }
        let was_active = self.active.is_some_and(|active| active.member == member);
        let heir = if was_active { self.successor() } else { None };
        self.counters.failures += u64::from(heir.is_some());
        self.decide(Decided::Dead(member, heir));
        self.lose_adapter(now, core, member, heir);
    }

    /// Connections of an adapter that is dead are given to others; `heir` is active if it was.
    pub(crate) fn lose_adapter(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        heir: Option<LinkId>,
    ) {
        if self.sides.remove(&member).is_none() && !self.is_plain(member) {
            return;
        }
        self.counters.adapters_lost += 1;
        self.log(now, BondEvent::AdapterLost(member));
        for link in self.links.iter_mut().filter(|link| link.id.member == member) {
            link.lose();
        }
        self.strays.retain(|stray| stray.member != member);
        self.spent.retain(|spent| spent.member != member);
        self.closes.retain(|(of, _)| *of != member);
        self.batch.take_if(|batch| batch.is_with(member));
        self.forget_entries(now, core, member);
        for id in core.connections_on(member) {
            self.bereave(now, core, id);
        }
        if self.active.is_some_and(|active| active.member == member) {
            match heir {
                Some(heir) => self.switch_to(now, core, heir, Cause::Failure),
                // Whichever link comes next takes over.
                None => self.active = None,
            }
        }
        // What they had said and went through the host leaves ahead of their next owners' words.
        let is_ahead = |way: LinkId| way.member != member && self.may_carry(now, way);
        let is_new = |moving: &Move| {
            moving.stage == Stage::Uploading
                && moving.home.member == member
                && self.way(moving).is_some_and(is_ahead)
                && moving.entry.as_ref().is_none_or(|entry| entry.written == Written::Nothing)
        };
        let ids = self.moves.iter().filter(|(_, moving)| is_new(moving)).map(|(id, _)| id);
        let ids: Vec<SocketId> = ids.collect();
        self.mark_departures(now, core, &ids);
        self.poll_moves(now, core);
    }

    /// An adapter that was dead has been put in its place again: its links are members of the bond when they are up.
    pub fn on_adapter_back(&mut self, now: Nanos, core: &mut Core, member: MemberId) {
        let ports = self.links.iter().filter(|link| link.id.member == member);
        if !self.is_plain(member) {
            let side = Side::new(ports.map(|link| link.id.port));
            self.sides.insert(member, side);
        }
        self.log(now, BondEvent::AdapterBack(member));
        self.sync_filters(core);
    }

    /// Entries on a dead adapter are gone. A connection that was being written there may have lived there for a moment,
    /// and said something that nobody here has heard of: its clock counts, and that it had all
    /// that there is to be sent.
    fn forget_entries(&mut self, now: Nanos, core: &Core, member: MemberId) {
        let all: Vec<SocketId> = self.moves.iter().map(|(id, _)| id).collect();
        for id in all {
            let Some(moving) = self.moves.note(id) else { continue };
            if moving.entry_asked.is_some_and(|to| to.member == member) {
                moving.entry_asked = None;
            }
            let Some(entry) = moving.entry.take_if(|entry| entry.place.member == member) else {
                continue;
            };
            if entry.written == Written::All {
                if let (Some(plan), Some(clock)) = (&entry.plan, dead_clock(now, core, member)) {
                    let shown = clock.ts_now.wrapping_add(u32::from(plan.ts_offset) << 28);
                    moving.let_out.note_ts(shown);
                }
                if let (Some(orphan), Some(progress)) = (&mut moving.orphan, core.progress(id)) {
                    orphan.shown = Shown::Unheard(progress.snd_end);
                }
            }
            self.transitions.note(moving.stage, Event::HeirDied);
            moving.wake_up = now;
            if entry.written == Written::All && !self.is_protected(core, id) {
                // And acknowledged, perhaps.
                self.doubt(id);
            }
            self.moves.touch(id);
        }
    }

    /// A connection has lost its owner.
    fn bereave(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(conn) = core.offloaded(id) else { return };
        let (state, home) = (conn.state, LinkId { member: conn.member, port: conn.port });
        let clock = dead_clock(now, core, home.member);
        if matches!(state, State::Opening | State::Accepting) {
            // A native connection's timestamps are its card's clock.
            let Some(clock) = clock else { return self.lose(now, core, id) };
            self.leave(core, id);
            self.counters.handshakes_rescued += 1;
            let is_doubtful = self.is_doubtful(core, id, None);
            core.open_without_owner(now, id, first_stamp(clock.ts_now, is_doubtful));
            let mut moving = self.sheltered(now, home);
            if is_doubtful {
                (moving.doubt, moving.wake_up) = (Some(Doubt::at_home(now, core, id)), now);
            }
            self.enter(core, id, moving);
            return;
        }
        if core.wants_abort(id) {
            self.leave(core, id);
            return core.abort_without_owner(now, id);
        }
        if core.end_without_owner(id) {
            self.leave(core, id);
            return;
        }
        let pause = self.config.retry_min;
        if !self.moves.contains(id) {
            self.enter(core, id, Move::new(now, home, pause, Cause::Failure));
        }
        // It may have spoken by its wire since it was asked to take that way again.
        let was_turning = self.moves.get(id).is_some_and(|m| matches!(m.detour, Detour::Back(_)));
        self.drop_detour(core, id);
        let Some(moving) = self.moves.get_mut(id) else { return };
        let (had_begun, was_silenced) =
            (moving.stage != Stage::Tunnelled, moving.stage == Stage::Fenced);
        let had_none = moving.stage == Stage::Uploading;
        moving.advance(&mut self.transitions, Event::OwnerDied);
        if had_none {
            return;
        }
        moving.cause = Cause::Failure;
        moving.heard = None;
        moving.owners_tried = 0;
        moving.marker = None;
        moving.wake_up = now;
        moving.speaks_first = heard_lately(now, core, id);
        let jumped = self.jumps.get(id).copied().unwrap_or(0);
        let jumped = if core.has_proved_owner(id) { 0 } else { jumped };
        let Some(progress) = core.progress(id) else { return };
        let told = moving.let_out.ack.filter(|_| !was_turning);
        if was_silenced && let Some(orphan) = &mut moving.orphan {
            // Its TCB was read, which says more; all that came after that has been heard.
            orphan.hear(progress.rcv_nxt, t_state(state));
            // Of which what is given to the next owner begins where its image says.
            core.acknowledge(id, orphan.una.later(progress.snd_una));
        } else if let (Some(shadow), Some(clock)) = (core.shadow(id), clock) {
            let mut orphan = Orphan {
                image: shadow.tcb,
                recent_unknown: shadow.recent_unknown,
                clock,
                jumped,
                una: progress.snd_una,
                shown: Shown::Unheard(SeqNum(progress.snd_end.0)),
            };
            orphan.learn_recent(&moving.let_out);
            moving.orphan = Some(orphan);
            self.counters.rebuilt += 1;
            if self.is_doubtful(core, id, told) {
                self.doubt(id);
            }
        } else {
            return self.lose(now, core, id);
        }
        if !had_begun {
            self.log(now, BondEvent::Suspended(id));
        }
    }

    /// What the peer of a connection without an owner was told is not known.
    fn doubt(&mut self, id: SocketId) {
        if let Some(moving) = self.moves.note(id) {
            moving.doubt = Some(Doubt::default());
        }
    }

    /// Nobody can go on with the connection.
    pub(crate) fn lose(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        self.counters.connections_lost += 1;
        self.leave(core, id);
        core.lose(now, id);
    }

    /// The connection is none that is moved any more.
    pub(crate) fn leave(&mut self, core: &mut Core, id: SocketId) {
        self.jumps.remove(id);
        self.abandon(core, id);
    }
}

/// The clocks of a card that cannot be asked any more, never behind what they really showed.
fn dead_clock(now: Nanos, core: &Core, member: MemberId) -> Option<CardClock> {
    let lcore = &core.member(member)?.lcore;
    let resources = lcore.resources();
    Some(CardClock {
        khz: resources.core_clock_khz,
        timer_shift: resources.tp_resolution.timerresolution() as u8,
        ts_now: lcore.timestamp_at(now)?.wrapping_add(CLOCK_MARGIN),
    })
}
