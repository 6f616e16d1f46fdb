//! When whose time comes: a hierarchical timing wheel that keeps exact times.
//!
//! ```text
//!   level 2   │   ·   │  c d  │   ·   │ …   64 slots of 4,096 ns
//!   level 1   │  ·  │  b  │  ·  │ …         64 slots of 64 ns
//!   level 0   │ · │ a │ · │ …               64 slots of 1 ns: all who wait there wait for the same time
//! ```
//!
//! A deadline lies on the level of the first six bits, from the top, in which it differs from the time that the wheel has
//! come to. When that enters a slot, who waits there moves down to where its deadline then belongs: six bits a level, ten
//! times at most, four for a fifth of a second. Eleven levels hold every deadline that there is.
//!
//! Who waits is known by a small number, its place in some table, and linked through a table of the wheel's own: after
//! [`Wheel::with_capacity`] nothing is allocated.
//!
//! It is lazy about deadlines that move later, as almost all do: [`Wheel::arm`] leaves them where they are, whoever waits is
//! looked at too early, once, and armed anew. So a connection in steady traffic changes the wheel once a timeout.
//!
//! Times are exact: nobody comes late, and who sleeps until [`Wheel::next`] wakes in time. The price is that a slot of a higher
//! level is taken apart as a whole when its time comes.

use crate::Nanos;

/// Bits of a deadline that a level looks at.
const BITS: u32 = 6;
/// Slots of a level: as many as a word has bits.
const SLOTS: usize = 1 << BITS;
/// As many as 64 bits need.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// The end of a list.
const NIL: u32 = u32::MAX;

/// Somebody who may wait.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// [`Nanos::MAX`] for who waits for nothing.
    deadline: u64,
    prev: u32,
    next: u32,
}

impl Node {
    const IDLE: Self = Self { deadline: u64::MAX, prev: NIL, next: NIL };
}

/// Those who wait in a slot, in the order in which they came.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u32,
    last: u32,
    /// No deadline in the slot is earlier.
    least: u64,
}

impl Slot {
    const EMPTY: Self = Self { first: NIL, last: NIL, least: u64::MAX };
}

/// Deadlines of those who have a place in a table.
#[derive(Debug)]
pub struct Wheel {
    nodes: Vec<Node>,
    slots: Box<[[Slot; SLOTS]; LEVELS]>,
    /// Slots of each level that somebody waits in.
    occupied: [u64; LEVELS],
    /// Levels with such slots.
    levels: u32,
    /// No deadline before this is in the wheel; where each lies depends on it.
    at: u64,
}

impl Wheel {
    /// A wheel for those below `capacity`, at the time zero.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(capacity),
            slots: Box::new([[Slot::EMPTY; SLOTS]; LEVELS]),
            occupied: [0; LEVELS],
            levels: 0,
            at: 0,
        }
    }

    /// Bytes of the wheel.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.slots)
    }

    /// Sees to it that `id` is looked at by `deadline`. If it will be already, nothing changes, and [`Wheel::pop_due`] gives it
    /// too early. A deadline that has passed comes with those of the time that the wheel was last asked for;
    /// [`Nanos::MAX`] is none.
    #[inline]
    pub fn arm(&mut self, id: u32, deadline: Nanos) {
        // Nobody in the wheel is armed for a time before its own: what has passed is earlier than all.
        if self.nodes.get(id as usize).is_none_or(|node| deadline.0 < node.deadline) {
            self.set(id, deadline.0);
        }
    }

    /// `id` waits no longer.
    pub fn disarm(&mut self, id: u32) {
        if self.nodes.get(id as usize).is_some_and(|node| node.deadline != u64::MAX) {
            self.unlink(id);
        }
    }

    /// The next of those whose time has come at `now`, by deadline, and where that is the same in the order in which they were
    /// armed. It waits no longer.
    pub fn pop_due(&mut self, now: Nanos) -> Option<u32> {
        while let Some((level, slot)) = self.first() {
            let start = self.start(level, slot);
            if start > now.0 {
                break;
            }
            self.at = start;
            if level == 0 {
                let id = self.slots[level][slot].first;
                self.unlink(id);
                return Some(id);
            }
            self.cascade(level, slot);
        }
        // It is in none of the slots that are left, so none of them changes its place.
        self.at = self.at.max(now.0);
        None
    }

    /// The earliest deadline. It may name an earlier time, at which nobody is due, if whoever was armed for it was disarmed or
    /// armed for one that is earlier still; never one that [`Wheel::pop_due`] was asked for when it had nobody left.
    #[inline]
    #[must_use]
    pub fn next(&self) -> Option<Nanos> {
        let (level, slot) = self.first()?;
        Some(Nanos(self.slots[level][slot].least))
    }

    /// The first slot that somebody waits in: lower levels come first, as their deadlines differ from the wheel's time
    /// in later bits, and on a level all slots lie ahead of it.
    #[inline]
    fn first(&self) -> Option<(usize, usize)> {
        let level = self.levels.trailing_zeros() as usize;
        let occupied = self.occupied.get(level)?;
        Some((level, occupied.trailing_zeros() as usize))
    }

    /// The first time of a slot.
    fn start(&self, level: usize, slot: usize) -> u64 {
        let shift = level as u32 * BITS;
        let above = u64::MAX.checked_shl(shift + BITS).unwrap_or(0);
        self.at & above | (slot as u64) << shift
    }

    /// Where a deadline lies, as long as the wheel has not come to its slot.
    fn place(&self, deadline: u64) -> (usize, usize) {
        let differs = (deadline ^ self.at) | 1;
        let level = differs.ilog2() / BITS;
        (level as usize, (deadline >> (level * BITS)) as usize % SLOTS)
    }

    #[inline(never)]
    fn set(&mut self, id: u32, deadline: u64) {
        let deadline = deadline.max(self.at);
        let armed = self.nodes.get(id as usize).map_or(u64::MAX, |node| node.deadline);
        if deadline >= armed {
            return;
        }
        if armed != u64::MAX {
            self.unlink(id);
        } else if id as usize >= self.nodes.len() {
            self.nodes.resize(id as usize + 1, Node::IDLE);
        }
        self.link(id, deadline);
    }

    /// Appends `id`, which is in no list, to that of its slot.
    fn link(&mut self, id: u32, deadline: u64) {
        let (level, slot) = self.place(deadline);
        let list = &mut self.slots[level][slot];
        let prev = core::mem::replace(&mut list.last, id);
        list.least = list.least.min(deadline);
        match self.nodes.get_mut(prev as usize) {
            Some(before) => before.next = id,
            None => list.first = id,
        }
        self.nodes[id as usize] = Node { deadline, prev, next: NIL };
        self.occupied[level] |= 1 << slot;
        self.levels |= 1 << level;
    }

    /// Takes `id` out of its list.
    fn unlink(&mut self, id: u32) {
        let Node { deadline, prev, next } =
            core::mem::replace(&mut self.nodes[id as usize], Node::IDLE);
        let (level, slot) = self.place(deadline);
        let list = &mut self.slots[level][slot];
        match self.nodes.get_mut(prev as usize) {
            Some(before) => before.next = next,
            None => list.first = next,
        }
        match self.nodes.get_mut(next as usize) {
            Some(behind) => behind.prev = prev,
            None => list.last = prev,
        }
        if list.first == NIL {
            self.vacate(level, slot);
        }
    }

    /// Moves all who wait in the slot that the wheel has come to down to where they belong now.
    fn cascade(&mut self, level: usize, slot: usize) {
        let mut id = self.slots[level][slot].first;
        self.vacate(level, slot);
        while let Some(&Node { deadline, next, .. }) = self.nodes.get(id as usize) {
            self.link(id, deadline);
            id = next;
        }
    }

    fn vacate(&mut self, level: usize, slot: usize) {
        self.slots[level][slot] = Slot::EMPTY;
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn drain(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        core::iter::from_fn(|| wheel.pop_due(Nanos(now))).collect()
    }

    #[test]
    fn each_comes_at_its_time_and_equal_ones_as_they_were_armed() {
        let mut wheel = Wheel::with_capacity(8);
        for (id, deadline) in [(3, 5_000_000), (1, 70), (4, 5_000_000), (0, 5_000_000), (2, 71)] {
            wheel.arm(id, Nanos(deadline));
        }
        assert_eq!(wheel.next(), Some(Nanos(70)));
        assert_eq!(drain(&mut wheel, 69), []);
        assert_eq!(drain(&mut wheel, 70), [1]);
        assert_eq!(wheel.next(), Some(Nanos(71)));
        assert_eq!(drain(&mut wheel, 4_999_999), [2]);
        assert_eq!(wheel.next(), Some(Nanos(5_000_000)));
        assert_eq!(drain(&mut wheel, 5_000_000), [3, 4, 0]);
        assert_eq!((wheel.next(), wheel.pop_due(Nanos::MAX)), (None, None));
    }

    #[test]
    fn a_later_deadline_waits_for_the_earlier_one() {
        let mut wheel = Wheel::with_capacity(1);
        for deadline in 100..200 {
            wheel.arm(0, Nanos(deadline));
        }
        assert_eq!(drain(&mut wheel, 99), []);
        assert_eq!(drain(&mut wheel, 100), [0]);
        assert_eq!(drain(&mut wheel, 1000), [], "armed once");
        wheel.arm(0, Nanos(5000));
        wheel.arm(0, Nanos(2000));
        assert_eq!(wheel.next(), Some(Nanos(2000)), "an earlier one takes its place");
        assert_eq!(drain(&mut wheel, 2000), [0]);
        assert_eq!(drain(&mut wheel, 5000), []);
    }

    #[test]
    fn what_has_passed_is_due_and_never_never_comes() {
        let mut wheel = Wheel::with_capacity(4);
        assert_eq!(drain(&mut wheel, 1000), []);
        wheel.arm(0, Nanos(10));
        wheel.arm(1, Nanos::MAX);
        wheel.arm(2, Nanos(u64::MAX - 1));
        assert_eq!(drain(&mut wheel, 1000), [0]);
        assert_eq!(wheel.next(), Some(Nanos(u64::MAX - 1)));
        assert_eq!(drain(&mut wheel, u64::MAX), [2]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn who_was_disarmed_is_waited_for_in_vain_at_most() {
        let mut wheel = Wheel::with_capacity(3);
        wheel.arm(0, Nanos(1_000_000));
        wheel.arm(1, Nanos(1_000_001));
        wheel.disarm(0);
        wheel.disarm(2);
        assert!(wheel.next() <= Some(Nanos(1_000_001)));
        assert_eq!(drain(&mut wheel, 1_000_000), []);
        assert_eq!(wheel.next(), Some(Nanos(1_000_001)));
        wheel.disarm(1);
        assert_eq!(wheel.next(), None);
    }

    /// What a wheel has to do, done by a set.
    #[derive(Default)]
    struct Model {
        waiting: BTreeSet<(u64, u64, u32)>,
        armed: BTreeMap<u32, (u64, u64)>,
        at: u64,
        sequence: u64,
        /// Whether anybody was disarmed, or armed for an earlier time.
        was_moved: bool,
    }

    impl Model {
        fn disarm(&mut self, id: u32) {
            if let Some((deadline, sequence)) = self.armed.remove(&id) {
                self.waiting.remove(&(deadline, sequence, id));
                self.was_moved = true;
            }
        }

        fn arm(&mut self, id: u32, deadline: u64) {
            let deadline = deadline.max(self.at);
            if self.armed.get(&id).is_none_or(|&(armed, _)| deadline < armed) {
                self.disarm(id);
                self.sequence += 1;
                self.armed.insert(id, (deadline, self.sequence));
                self.waiting.insert((deadline, self.sequence, id));
            }
        }

        fn pop_due(&mut self, now: u64) -> Option<u32> {
            let due = self.waiting.first().copied().filter(|&(deadline, ..)| deadline <= now);
            let Some((deadline, sequence, id)) = due else {
                self.at = self.at.max(now);
                return None;
            };
            self.at = deadline;
            self.waiting.remove(&(deadline, sequence, id));
            self.armed.remove(&id);
            Some(id)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arm(u32, u64),
        /// For a time that has passed.
        ArmLate(u32, u64),
        Disarm(u32),
        /// Everybody who is due, of whom some are armed anew for so long.
        Poll(u64, Option<u64>),
        /// Exactly until the wheel says.
        Sleep,
    }

    /// Times of every length: of one nanosecond, and of a thousand years.
    fn length() -> impl Strategy<Value = u64> {
        (0u32..55, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
    }

    fn step(moves: bool) -> impl Strategy<Value = Step> {
        let id = 0u32..24;
        let disarmed =
            id.clone().prop_map(move |id| if moves { Step::Disarm(id) } else { Step::Sleep });
        prop_oneof![
            4 => (id.clone(), length()).prop_map(|(id, after)| Step::Arm(id, after)),
            1 => disarmed,
            1 => (id, length()).prop_map(|(id, before)| Step::ArmLate(id, before)),
            2 => (length(), prop::option::of(length())).prop_map(|(after, again)| Step::Poll(after, again)),
            2 => Just(Step::Sleep),
        ]
    }

    /// Both, step by step; they have to say the same.
    fn compare(steps: Vec<Step>) -> Result<(), TestCaseError> {
        let (mut wheel, mut model, mut now) = (Wheel::with_capacity(24), Model::default(), 0u64);
        for step in steps {
            let (until, again) = match step {
                Step::Arm(id, after) => {
                    wheel.arm(id, Nanos(now.saturating_add(after)));
                    model.arm(id, now.saturating_add(after));
                    (now, None)
                }
                Step::ArmLate(id, before) => {
                    wheel.arm(id, Nanos(now.saturating_sub(before)));
                    model.arm(id, now.saturating_sub(before));
                    (now, None)
                }
                Step::Disarm(id) => {
                    wheel.disarm(id);
                    model.disarm(id);
                    (now, None)
                }
                Step::Poll(after, again) => (now.saturating_add(after), again),
                Step::Sleep => (wheel.next().map_or(now, |next| next.0), None),
            };
            let next = model.waiting.first().map(|&(deadline, ..)| Nanos(deadline));
            prop_assert_eq!(wheel.next().is_some(), next.is_some());
            prop_assert!(wheel.next() <= next, "{:?} is late for {:?}", wheel.next(), next);
            prop_assert!(
                model.was_moved || wheel.next() == next,
                "{:?} for {next:?}",
                wheel.next()
            );
            now = now.max(until);
            loop {
                let due = wheel.pop_due(Nanos(now));
                prop_assert_eq!(due, model.pop_due(now));
                let Some(id) = due else { break };
                if let Some(again) = again.filter(|&again| id % 2 == 0 && again > 0) {
                    wheel.arm(id, Nanos(now.saturating_add(again)));
                    model.arm(id, now.saturating_add(again));
                }
            }
            prop_assert!(
                wheel.next().is_none_or(|next| next.0 > now),
                "{:?} at {now}",
                wheel.next()
            );
        }
        let left = drain(&mut wheel, u64::MAX - 1);
        prop_assert!(
            left.into_iter()
                .map(Some)
                .eq((0..model.waiting.len()).map(|_| model.pop_due(u64::MAX - 1)))
        );
        Ok(())
    }

    fn cases() -> ProptestConfig {
        let cases = if cfg!(miri) { 4 } else { 2000 };
        ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn it_agrees_with_a_set(steps in prop::collection::vec(step(true), 1..120)) {
            compare(steps)?;
        }

        #[test]
        fn it_is_exact_while_nobody_leaves(steps in prop::collection::vec(step(false), 1..120)) {
            compare(steps)?;
        }
    }

    #[test]
    fn nothing_is_allocated_below_its_capacity() {
        let mut wheel = Wheel::with_capacity(1000);
        let memory = (wheel.nodes.as_ptr(), wheel.nodes.capacity());
        for id in 0..1000 {
            wheel.arm(id, Nanos(u64::from(id) * 1_000_003 % 777_777));
        }
        assert_eq!(drain(&mut wheel, 1_000_000).len(), 1000);
        assert_eq!((wheel.nodes.as_ptr(), wheel.nodes.capacity()), memory);
    }
}
