//! Connections that no adapter can have, or that are to use a link that is none: the host path goes on with them, over
//! whatever link is active.

use std::collections::BTreeMap;

use mafo_mem::Nanos;
use mafo_stack::tom::{DEPARTURE_TICK, Refugee};
use mafo_stack::{Core, MemberId, SocketId};

use crate::ask::card_clock;
use crate::bond::{Bond, BondEvent, LinkId};
use crate::doubt::{Doubt, first_stamp};
use crate::handover::{Cause, Goal, Move};
use crate::mac::readdress;
use crate::moves::NEVER;
use crate::owner::{Orphan, Shown};
use crate::snoop::LetOut;
use crate::stage::{Event, Stage};
use crate::tunnel::Marker;
use crate::upload::{CardClock, timestamp_offset, within_budget};

/// Refusals by adapters before a connection goes on without.
pub(crate) const REFUSALS_MAX: u32 = 3;

impl Bond {
    /// Gives a connection without an owner to the host path. `false` when there is no link for it either, or its record
    /// is none.
    pub(crate) fn shelter(&mut self, now: Nanos, core: &mut Core, id: SocketId) -> bool {
        if !self.has_link() {
            return false;
        }
        if core.wants_abort(id) {
            // Since it is nobody's, the host says so itself.
            self.leave(core, id);
            core.abort_without_owner(now, id);
            return true;
        }
        let Some(progress) = core.progress(id) else { return false };
        let Some(moving) = self.moves.get(id) else { return false };
        let Some(orphan) = &moving.orphan else { return false };
        let sent = orphan.sent(&progress);
        let refugee = Refugee {
            tcb: orphan.image,
            recent_unknown: orphan.recent_unknown,
            tick: tick(&orphan.clock),
            una: sent.una,
            nxt: sent.nxt,
            max: sent.max,
            last_ack: moving.let_out.ack.unwrap_or_else(|| orphan.last_ack_sent()),
            ts_min: first_stamp(orphan.last_stamp(&moving.let_out), moving.doubt.is_some()),
            // Who is asked is told as well.
            speaks_first: moving.speaks_first || moving.doubt.is_some(),
        };
        let is_doubtful = moving.doubt.is_some();
        let (kept, present) = (moving.let_in.clone(), orphan.present(&progress));
        // It was here before. Each time that it leaves its timers begin anew: between two tries that fail one can run out.
        let pause = moving.left_by.map(|_| (moving.pause + moving.pause).min(HOME_PAUSE_MAX));
        if !core.take_home(now, id, &refugee) {
            return false;
        }
        let doubt = is_doubtful.then(|| Doubt::at_home(now, core, id));
        // By a link that is no adapter's it lives as by any other.
        let home = self.way(moving).filter(|way| self.is_plain(way.member)).unwrap_or(moving.home);
        let goal = moving.goal.filter(|&goal| goal == Goal::Host);
        for (.., mut frame) in kept.take(progress.rcv_nxt) {
            present.put_into(&mut frame);
            readdress(&mut frame, core.mac());
            core.handle_frame(now, home.member, &frame);
        }
        // One on an adapter, that was asked for before it was to live here.
        self.drop_entry(core, id);
        self.release_held(now, core, id);
        self.counters.sheltered += 1;
        self.transitions.note(Stage::Uploading, Event::Shelter);
        self.log(now, BondEvent::Sheltered(id));
        self.finish(now, id, true);
        let mut moving = self.sheltered(now, home);
        moving.proof = Some(sent.end);
        (moving.goal, moving.doubt) = (goal, doubt);
        if let Some(pause) = pause {
            (moving.pause, moving.wake_up) = (pause, now + pause);
        }
        self.enter(core, id, moving);
        if doubt.is_some() {
            self.moves.touch(id);
        }
        true
    }

    /// No link is there for a connection in doubt: it waits for one. If its record is none, nobody can vouch for it.
    pub(crate) fn wait_in_doubt(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if self.has_link() {
            return self.lose(now, core, id);
        }
        let pause = self.config.retry_min;
        if let Some(moving) = self.moves.get_mut(id) {
            moving.wake_up = now + pause;
        }
    }

    /// A connection that the host path has, to be given to an adapter when one takes it.
    pub(crate) fn sheltered(&self, now: Nanos, home: LinkId) -> Move {
        let pause = self.config.retry_min;
        let mut moving = Move::new(now + pause, home, pause, Cause::Wish);
        moving.stage = Stage::Sheltered;
        moving
    }

    /// Looks whether an adapter takes a connection that the host path has.
    pub(crate) fn poll_sheltered(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if !core.is_refugee(id) {
            // It is over.
            self.jumps.remove(id);
            self.drop_entry(core, id);
            self.moves.remove(id);
            self.transitions.note(Stage::Sheltered, Event::Ended);
            return;
        }
        if self.moves.get(id).is_some_and(|moving| moving.doubt.is_some()) {
            return self.poll_doubt(now, core, id);
        }
        if self.moves.get(id).is_some_and(|moving| self.stays_home(moving)) {
            // Until another link is active.
            self.drop_entry(core, id);
            if let Some(moving) = self.moves.note(id) {
                moving.wake_up = NEVER;
            }
            return;
        }
        let up = self.way_of(id).filter(|&way| self.is_up(way));
        let pause = self.config.retry_min;
        let Some(moving) = self.moves.note(id) else { return };
        if moving.wake_up == NEVER {
            (moving.wake_up, moving.pause) = (now, pause);
        }
        if up.is_none() {
            // Whichever link comes is seen.
            moving.wake_up = moving.wake_up.max(now + pause);
        }
        let Some(moving) = self.moves.get_mut(id) else { return };
        if moving.entry.as_ref().is_some_and(|entry| Some(entry.to()) != up) {
            self.drop_entry(core, id);
            return self.put_off_departure(now, id);
        }
        if moving.entry_asked.is_some() {
            return;
        }
        let Some(active) = up.filter(|_| now >= moving.wake_up) else { return };
        if moving.entry.is_some() {
            self.depart(now, core, id, active);
        } else {
            if self.ask_entry(now, core, id, active).is_err() {
                self.put_off_departure(now, id);
            }
        }
    }

    /// Not now, but later.
    pub(crate) fn put_off_departure(&mut self, now: Nanos, id: SocketId) {
        let retry_max = self.config.retry_max;
        if let Some(moving) = self.moves.get_mut(id) {
            moving.advance(&mut self.transitions, Event::PutOff);
            moving.wake_up = now + moving.pause;
            moving.pause = (moving.pause + moving.pause).min(retry_max.max(moving.pause));
        }
    }

    /// The filter is there: the host path lets go.
    fn depart(&mut self, now: Nanos, core: &mut Core, id: SocketId, to: LinkId) {
        if !self.may_jump_to(now, core, id, to.member) {
            let stamp = core.ask_what_is_taken(now, id);
            self.counters.proofs_asked += 1;
            if let Some(moving) = self.moves.get_mut(id) {
                moving.proof_of = stamp;
            }
            return self.put_off_departure(now, id);
        }
        let Some(left) = core.leave_home(now, id, (to.member, to.port)) else {
            // Soon, perhaps: a gap is being filled.
            if let Some(moving) = self.moves.get_mut(id) {
                moving.wake_up = now + PATIENCE;
            }
            return;
        };
        let jumped = self.jumps.get(id).copied().unwrap_or(0);
        let Some(moving) = self.moves.get_mut(id) else { return };
        let proved = moving.proof.is_none_or(|proof| left.una.after(proof));
        moving.orphan = Some(Orphan {
            image: left.shadow.tcb,
            recent_unknown: left.shadow.recent_unknown,
            clock: CardClock { khz: HOST_KHZ, timer_shift: HOST_SHIFT, ts_now: left.stamp },
            jumped: if proved { 0 } else { jumped },
            una: left.una,
            shown: if moving.is_unheard() {
                Shown::Unheard(left.max)
            } else {
                Shown::UpTo(left.max)
            },
        });
        moving.let_out = LetOut {
            seq_end: Some(left.max),
            ack: Some(left.last_ack),
            right_edge: Some(left.right_edge),
            ts_val: None,
            ts_ecr: None,
        };
        moving.home = to;
        moving.left_by = self.active;
        moving.advance(&mut self.transitions, Event::Silence);
        self.moves.note_fenced(id);
        self.log(now, BondEvent::Suspended(id));
        core.flush(now);
        self.mark_departure(now, core, id);
    }

    /// Whether the peer takes the timestamps of `member`, though all that it has not shown to have taken were lost.
    fn may_jump_to(&self, now: Nanos, core: &Core, id: SocketId, member: MemberId) -> bool {
        let Some(moving) = self.moves.get(id) else { return true };
        let Some((una, Some(stamp))) = core.refuge_stamp(now, id) else { return true };
        let Some(clock) = core.member(member).and_then(card_clock) else { return true };
        let proved = moving.proof.is_none_or(|proof| una.after(proof));
        let jumped = self.jumps.get(id).copied().filter(|_| !proved).unwrap_or(0);
        within_budget(jumped, timestamp_offset(clock.ts_now, stamp).1)
    }

    /// Sends a marker behind the last frames that the host path sent for a connection: the adapter's TP does not wait
    /// for the Ethernet queue.
    pub(crate) fn mark_departure(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        self.mark_departures(now, core, &[id]);
    }

    /// The same for several, each by the link that took what was said for it.
    pub(crate) fn mark_departures(&mut self, now: Nanos, core: &mut Core, ids: &[SocketId]) {
        let mut ways: BTreeMap<Option<LinkId>, Vec<SocketId>> = BTreeMap::new();
        for &id in ids {
            let left_by = self.moves.get(id).and_then(|moving| moving.left_by);
            let left_by = left_by.filter(|link| !core.is_dead(link.member));
            ways.entry(left_by.or_else(|| self.way_of(id))).or_default().push(id);
        }
        for (way, ids) in ways {
            self.mark_departures_by(now, core, way, ids);
        }
    }

    fn mark_departures_by(
        &mut self,
        now: Nanos,
        core: &mut Core,
        way: Option<LinkId>,
        ids: Vec<SocketId>,
    ) {
        if way.is_some_and(|way| self.is_plain(way.member)) {
            // Whatever comes later is behind it by itself.
            ids.iter().for_each(|&id| self.on_departed(now, core, id));
            return;
        }
        let marker = way.and_then(|way| self.mark(now, core, way));
        // One that found no room is as one that is lost.
        let lost = || Marker { number: self.batches, deadline: now + self.config.reply_deadline };
        let marker = marker.unwrap_or_else(lost);
        for id in ids {
            if let Some(moving) = self.moves.get_mut(id) {
                moving.marker = Some(marker.number);
                moving.wake_up = marker.deadline;
            }
        }
    }

    /// A marker is back; whether it was one of a departure.
    pub(crate) fn on_departure_marked(&mut self, now: Nanos, core: &mut Core, number: u64) -> bool {
        let waits = |moving: &Move| moving.marker == Some(number) && moving.is_past_return();
        let ids = self.moves.iter().filter(|(_, moving)| waits(moving)).map(|(id, _)| id);
        let ids: Vec<SocketId> = ids.collect();
        ids.iter().for_each(|&id| self.on_departed(now, core, id));
        !ids.is_empty()
    }

    /// All that was said for a connection without an owner has left.
    fn on_departed(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if let Some(moving) = self.moves.get_mut(id) {
            if moving.stage == Stage::Fenced {
                moving.advance(&mut self.transitions, Event::Silenced);
            }
            (moving.marker, moving.wake_up) = (None, now);
        }
        self.find_owner(now, core, id);
    }
}

/// Longest time between two tries to give an adapter a connection that adapters refuse.
const HOME_PAUSE_MAX: Nanos = Nanos::from_millis(5000);
/// Time between two looks at a connection that cannot leave the host path yet.
const PATIENCE: Nanos = Nanos::from_millis(1);
/// The clock of a card whose timer tick is [`DEPARTURE_TICK`].
const HOST_KHZ: u32 = 1_000_000;
const HOST_SHIFT: u8 = 16;
const _: () = assert!(DEPARTURE_TICK.0 == (1_000_000 << HOST_SHIFT) / HOST_KHZ as u64);

/// The length of a card's timer tick.
fn tick(clock: &CardClock) -> Nanos {
    Nanos((1_000_000u64 << clock.timer_shift) / u64::from(clock.khz.max(1)))
}
