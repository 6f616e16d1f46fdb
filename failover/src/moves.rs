//! The connections on the move, and when each of them is looked at.
//!
//! There may be a hundred thousand, so nothing is done for all of them at once. Whoever changes one gets it by
//! [`Moves::get_mut`], which has it looked at in the next poll; one that waits for a time is in a line by that
//! time, or in a heap; those that wait for their turn, or for room in a ring, are in a queue; and only those whose peer has to acknowledge something are asked in every poll.

use core::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use mafo_mem::Nanos;
use mafo_stack::{MemberId, SocketId};

use crate::handover::Move;
use crate::stage::Stage;

/// Entries of the list of those that were fenced before it is looked through.
const FENCED_LISTED: usize = 4096;

/// The time of what waits for no time.
pub(crate) const NEVER: Nanos = Nanos::MAX;

/// Slots kept for the next ones.
const SPARES: usize = 1024;

/// A connection, and what was known of it when it was filed.
#[derive(Debug)]
struct Slot {
    id: SocketId,
    moving: Move,
    /// It is in the list of those to be looked at, or is being looked at.
    is_touched: bool,
    /// It is in the queue of those that wait for their turn, or for room.
    is_queued: bool,
    is_starved: bool,
    /// It is in the list of those that wait for their peer.
    is_draining: bool,
    stage: Stage,
    home: MemberId,
    /// Its present entry in the heap.
    due: Option<Nanos>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// By [`SocketId::index`].
    slots: Vec<Option<Box<Slot>>>,
    /// Slots that were used before: their memory is warm.
    #[expect(clippy::vec_box, reason = "a slot stays where it is when its box is used again")]
    spare: Vec<Box<Slot>>,
    touched: Vec<SocketId>,
    /// What is due in the order in which it was said, as most of it is; and the rest.
    in_turn: VecDeque<(Nanos, SocketId)>,
    due: BinaryHeap<Reverse<(Nanos, SocketId)>>,
    queue: VecDeque<SocketId>,
    /// Those whose upload found no room.
    starved: VecDeque<SocketId>,
    /// Those that may become ready by an acknowledgment of their peer.
    draining: Vec<SocketId>,
    /// Those that were fenced; some may be so no longer.
    fenced: Vec<SocketId>,
    /// How many are in each stage.
    stages: [usize; Stage::ALL.len()],
    /// How many that the host path does not have live on each adapter.
    homes: Vec<usize>,
}

impl Moves {
    fn slot(&self, id: SocketId) -> Option<&Slot> {
        self.slots.get(id.index())?.as_deref().filter(|slot| slot.id == id)
    }

    fn slot_mut(&mut self, id: SocketId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index())?.as_deref_mut().filter(|slot| slot.id == id)
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Move> {
        self.slot(id).map(|slot| &slot.moving)
    }

    pub(crate) fn contains(&self, id: SocketId) -> bool {
        self.slot(id).is_some()
    }

    /// To be changed: it is looked at in the next poll.
    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Move> {
        self.touch(id);
        self.note(id)
    }

    /// The same for notes of what passes, which change nothing of what is to be done.
    pub(crate) fn note(&mut self, id: SocketId) -> Option<&mut Move> {
        self.slot_mut(id).map(|slot| &mut slot.moving)
    }

    /// Has a connection looked at in the next poll.
    pub(crate) fn touch(&mut self, id: SocketId) {
        let Some(slot) = self.slot_mut(id) else { return };
        if !core::mem::replace(&mut slot.is_touched, true) {
            self.touched.push(id);
        }
    }

    /// A connection is being looked at: what is changed meanwhile is no reason to look again. Then it is to be filed and
    /// [released](Moves::release).
    pub(crate) fn hold(&mut self, id: SocketId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.is_touched = true;
        }
    }

    /// Ends [`Moves::hold`].
    pub(crate) fn release(&mut self, id: SocketId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.is_touched = false;
        }
    }

    /// The one of whatever socket has this place in the table of sockets.
    pub(crate) fn at(&self, index: usize) -> Option<SocketId> {
        self.slots.get(index)?.as_ref().map(|slot| slot.id)
    }

    /// A connection begins to move. Nothing else may be in its place: see [`Moves::at`].
    pub(crate) fn insert(&mut self, id: SocketId, moving: Move) {
        self.remove(id);
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        let (stage, home) = (moving.stage, moving.home.member);
        self.count(stage, home, 1);
        debug_assert!(self.slots[id.index()].is_none(), "{id:?} has no place");
        let [is_touched, is_queued, is_starved, is_draining] = [false; 4];
        let due = None;
        let slot =
            Slot { id, moving, is_touched, is_queued, is_starved, is_draining, stage, home, due };
        self.slots[id.index()] = Some(match self.spare.pop() {
            Some(mut spare) => {
                *spare = slot;
                spare
            }
            None => Box::new(slot),
        });
        self.touch(id);
    }

    /// A connection moves no more. Its marks in lists are found to be nobody's later.
    pub(crate) fn remove(&mut self, id: SocketId) {
        if !self.contains(id) {
            return;
        }
        let Some(slot) = self.slots.get_mut(id.index()).and_then(Option::take) else { return };
        self.count(slot.stage, slot.home, -1);
        if self.spare.len() < SPARES {
            self.spare.push(slot);
        }
    }

    fn count(&mut self, stage: Stage, home: MemberId, by: isize) {
        let stages = &mut self.stages[stage as usize];
        *stages = stages.wrapping_add_signed(by);
        if stage == Stage::Sheltered {
            return;
        }
        if self.homes.len() <= home.index() {
            self.homes.resize(home.index() + 1, 0);
        }
        let homes = &mut self.homes[home.index()];
        *homes = homes.wrapping_add_signed(by);
    }

    /// A connection has been looked at: it is counted where it is now, and looked at again when it wants to be.
    pub(crate) fn file(&mut self, id: SocketId) {
        let Some(slot) = self.slot_mut(id) else { return };
        let (before, now) = ((slot.stage, slot.home), (slot.moving.stage, slot.moving.home.member));
        (slot.stage, slot.home) = now;
        let due = slot.moving.poll_timeout().filter(|&at| at != NEVER);
        let due = due.filter(|_| !slot.is_queued && !slot.is_starved);
        let is_new = slot.due != due;
        slot.due = due;
        if let Some(at) = due.filter(|_| is_new) {
            if self.in_turn.back().is_none_or(|&(last, _)| last <= at) {
                self.in_turn.push_back((at, id));
            } else {
                self.due.push(Reverse((at, id)));
            }
        }
        if before != now {
            self.count(before.0, before.1, -1);
            self.count(now.0, now.1, 1);
            let Some(slot) = self.slot_mut(id).filter(|_| now.0 == Stage::Suspended) else {
                return;
            };
            if !core::mem::replace(&mut slot.is_draining, true) {
                self.draining.push(id);
            }
        }
    }

    /// Has those looked at whose time has come.
    pub(crate) fn touch_due(&mut self, now: Nanos) {
        while let Some(&(at, id)) = self.in_turn.front()
            && at <= now
        {
            self.in_turn.pop_front();
            self.touch_if_due(at, id);
        }
        while let Some(&Reverse((at, id))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            self.touch_if_due(at, id);
        }
    }

    /// Has a connection looked at, unless what it waited for has changed since.
    fn touch_if_due(&mut self, at: Nanos, id: SocketId) {
        if let Some(slot) = self.slot_mut(id).filter(|slot| slot.due == Some(at)) {
            slot.due = None;
            self.touch(id);
        }
    }

    /// Those that are to be looked at now.
    pub(crate) fn take_touched(&mut self) -> Vec<SocketId> {
        core::mem::take(&mut self.touched)
    }

    /// Those that wait for their peer.
    pub(crate) fn take_draining(&mut self) -> Vec<SocketId> {
        let mut draining = core::mem::take(&mut self.draining);
        draining.retain(|&id| {
            let Some(slot) = self.slot_mut(id) else { return false };
            slot.is_draining = slot.moving.stage == Stage::Suspended;
            slot.is_draining
        });
        draining
    }

    /// Gives back what [`Moves::take_draining`] gave.
    pub(crate) fn put_draining(&mut self, mut draining: Vec<SocketId>) {
        draining.append(&mut self.draining);
        self.draining = draining;
    }

    /// A connection waits for its turn, as the next one if it had its turn and there was no room for it.
    pub(crate) fn queue(&mut self, id: SocketId, is_next: bool) {
        let Some(slot) = self.slot_mut(id) else { return };
        if !core::mem::replace(&mut slot.is_queued, true) {
            if is_next {
                self.queue.push_front(id);
            } else {
                self.queue.push_back(id);
            }
        }
    }

    /// The next one that waits for its turn: it waits no more.
    pub(crate) fn take_turn(&mut self) -> Option<SocketId> {
        while let Some(id) = self.queue.pop_front() {
            if let Some(slot) = self.slot_mut(id) {
                slot.is_queued = false;
                return Some(id);
            }
        }
        None
    }

    /// Whether a connection waits for its turn.
    pub(crate) fn is_queued(&self, id: SocketId) -> bool {
        self.slot(id).is_some_and(|slot| slot.is_queued)
    }

    /// How many are past the tunnel: their handover has begun.
    pub(crate) fn under_way(&self) -> usize {
        let idle = self.stages[Stage::Tunnelled as usize] + self.stages[Stage::Sheltered as usize];
        self.stages.iter().sum::<usize>() - idle
    }

    /// These.
    pub(crate) fn all_under_way(&self) -> Vec<SocketId> {
        if self.under_way() == 0 {
            return Vec::new();
        }
        let is_idle = |stage| matches!(stage, Stage::Tunnelled | Stage::Sheltered);
        let under_way = self.iter().filter(|(_, moving)| !is_idle(moving.stage));
        under_way.map(|(id, _)| id).collect()
    }

    /// Whether any lives elsewhere than on the active link: the host path sends by that.
    pub(crate) fn is_any_away(&self) -> bool {
        self.homes.iter().any(|&count| count > 0)
    }

    /// How many the host path has in place of an adapter.
    pub(crate) fn sheltered(&self) -> usize {
        self.stages[Stage::Sheltered as usize]
    }

    /// Whether any lives on another adapter than `member`.
    pub(crate) fn is_any_off(&self, member: MemberId) -> bool {
        self.homes.iter().enumerate().any(|(n, &count)| n != member.index() && count > 0)
    }

    /// Whether any has no owner, or one that is being silenced.
    pub(crate) fn is_any_unowned(&self) -> bool {
        self.stages[Stage::Fenced as usize] + self.stages[Stage::Uploading as usize] > 0
    }

    /// The owner of a connection has been told to be silent.
    pub(crate) fn note_fenced(&mut self, id: SocketId) {
        if self.fenced.len() >= FENCED_LISTED {
            self.forget_silent();
        }
        self.fenced.push(id);
    }

    /// Whether any owner on `member` may still speak for a connection that it has been told to be silent for.
    pub(crate) fn is_any_fenced(&mut self, member: MemberId) -> bool {
        self.forget_silent();
        let is_there = |&id: &SocketId| self.get(id).is_some_and(|m| m.home.member == member);
        self.fenced.iter().any(is_there)
    }

    fn forget_silent(&mut self) {
        let mut fenced = core::mem::take(&mut self.fenced);
        fenced.retain(|&id| self.get(id).is_some_and(|moving| moving.stage == Stage::Fenced));
        self.fenced = fenced;
    }

    /// All, for what happens seldom.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, &Move)> {
        self.slots.iter().flatten().map(|slot| (slot.id, &slot.moving))
    }

    /// When [`Moves::touch_due`], or what follows it, has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        if !self.touched.is_empty() {
            return Some(Nanos::ZERO);
        }
        let in_turn = self.in_turn.front().map(|&(at, _)| at);
        self.due.peek().map(|Reverse((at, _))| *at).into_iter().chain(in_turn).min()
    }

    /// The upload of a connection found no room, or others were waiting for it before.
    pub(crate) fn starve(&mut self, id: SocketId, is_next: bool) {
        let Some(slot) = self.slot_mut(id) else { return };
        if !core::mem::replace(&mut slot.is_starved, true) {
            if is_next {
                self.starved.push_front(id);
            } else {
                self.starved.push_back(id);
            }
        }
    }

    /// The next one that waits for room: it waits no more.
    pub(crate) fn take_starved(&mut self) -> Option<SocketId> {
        while let Some(id) = self.starved.pop_front() {
            if let Some(slot) = self.slot_mut(id) {
                slot.is_starved = false;
                return Some(id);
            }
        }
        None
    }

    /// Whether a connection waits for room.
    pub(crate) fn is_starved(&self, id: SocketId) -> bool {
        self.slot(id).is_some_and(|slot| slot.is_starved)
    }

    /// Whether connections wait for room.
    pub(crate) fn has_starved(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Whether connections wait for their turn.
    pub(crate) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }
}
