//! The look at all connections after another link became active: those that live elsewhere are to move.
//!
//! Forwarding does not wait for it: who owns a connection, and which link is active, is known at once. So it goes on
//! piece by piece, and a connection whose frames cross the host before its turn is taken in by the first of them.

use core::cmp::Reverse;

use mafo_mem::Nanos;
use mafo_stack::{Core, SocketId};

use crate::bond::{Bond, BondEvent, LinkId};
use crate::handover::{Cause, Move};
use crate::stage::{Event, Stage};

/// Places of the table of sockets that are looked at in one poll; and in that of the event, where the adapter waits to be
/// told by which way its frames leave.
const PLACES: usize = 512;
const PLACES_AT_ONCE: usize = 8;

/// How far the look has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    next: usize,
    cause: Cause,
    /// What connections said last may have died with a link: they are made to say it again.
    kicks: bool,
}

impl Bond {
    /// Another link became active. An unfinished look begins anew, and what it was for still counts.
    pub(crate) fn begin_sweep(&mut self, now: Nanos, core: &mut Core, cause: Cause, kicks: bool) {
        let before = self.sweep.take();
        let failed = before.is_some_and(|sweep| sweep.cause == Cause::Failure);
        let cause = if failed { Cause::Failure } else { cause };
        let kicks = kicks || before.is_some_and(|sweep| sweep.kicks);
        self.sweep = Some(Sweep { next: 0, cause, kicks });
        self.sweep_some(now, core, PLACES_AT_ONCE);
    }

    /// Looks at the next places.
    pub(crate) fn poll_sweep(&mut self, now: Nanos, core: &mut Core) {
        self.sweep_some(now, core, PLACES);
    }

    fn sweep_some(&mut self, now: Nanos, core: &mut Core, places: usize) {
        let Some(Sweep { next, cause, kicks }) = self.sweep else { return };
        let end = (next + places).min(core.places());
        let mut to_kick = Vec::new();
        for place in next..end {
            if let Some(id) = self.moves.at(place) {
                self.follow(now, id, cause);
            }
            if let Some(id) = core.connection_at(place) {
                self.adopt(now, core, id, cause);
                to_kick
                    .extend(self.under_way(core, id).filter(|_| kicks).map(|n| (Reverse(n), id)));
            } else if let Some(id) = core.refugee_at(place) {
                self.adopt_refugee(now, core, id, cause);
                to_kick.extend(kicks.then_some((Reverse(0), id)));
            }
        }
        // Those with most under way first, since most waits for them.
        to_kick.sort_unstable();
        self.kicks.extend(to_kick.into_iter().map(|(_, id)| id));
        if end < core.places() {
            self.sweep = Some(Sweep { next: end, cause, kicks });
        } else {
            self.sweep = None;
            self.tell_all_moved(now);
        }
    }

    /// A connection was moving already.
    pub(crate) fn follow(&mut self, now: Nanos, id: SocketId, cause: Cause) {
        let Some(moving) = self.moves.get_mut(id) else { return };
        self.transitions.note(moving.stage, Event::OtherLink);
        if cause == Cause::Failure {
            // Where it was going has failed now: what it said last may have died there.
            moving.cause = cause;
        }
        if moving.stage == Stage::Sheltered {
            // It is looked at again, where it was to stay; and what it said went by the link that failed.
            moving.wake_up = moving.wake_up.min(now);
            if cause == Cause::Failure {
                moving.heard = None;
            }
        }
    }

    /// A frame of a connection crosses the host before the look has come to it.
    pub(crate) fn adopt_early(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        if let Some(sweep) = self.sweep
            && !self.moves.contains(id)
        {
            self.adopt(now, core, id, sweep.cause);
        }
    }

    /// A connection that lives elsewhere than on the active link is to move.
    pub(crate) fn adopt(&mut self, now: Nanos, core: &mut Core, id: SocketId, cause: Cause) {
        let (Some(_), Some(conn)) = (self.active, core.offloaded(id)) else { return };
        let home = LinkId { member: conn.member, port: conn.port };
        let lives_elsewhere = !self.is_right(home) && self.sides.contains_key(&home.member);
        if lives_elsewhere && !self.moves.contains(id) {
            self.enter(core, id, Move::new(now, home, self.config.retry_min, cause));
        }
    }

    /// Says so, if the last one has moved.
    pub(crate) fn tell_all_moved(&mut self, now: Nanos) {
        if self.moved_any && !self.is_moving() {
            self.moved_any = false;
            self.log(now, BondEvent::AllMoved);
        }
    }
}
