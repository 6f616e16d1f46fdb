//! When which connection wants to be looked at.

use core::cmp::Reverse;
use mafo_mem::Nanos;
use mafo_t4::Tid;
use std::collections::BinaryHeap;

/// A heap of wake-ups, lazy on both sides: a deadline that moves later leaves its entry where it is (the
/// connection is looked at too early, once), one that moves earlier adds an entry (the older one is
/// recognised as stale). A connection in steady traffic thus touches the heap about once a timeout
/// instead of twice a segment.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Nanos, Tid)>>,
}

/// The earliest entry of a connection in the heap; lives in the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Armed(Nanos);

impl Armed {
    /// No entry.
    pub(crate) const NO: Self = Self(Nanos::MAX);
}

impl Timers {
    /// Sees to it that the connection is looked at by `deadline`.
    #[inline]
    pub(crate) fn arm(&mut self, tid: Tid, armed: &mut Armed, deadline: Option<Nanos>) {
        if let Some(deadline) = deadline
            && deadline < armed.0
        {
            armed.0 = deadline;
            self.heap.push(Reverse((deadline, tid)));
        }
    }

    /// The next entry that is due; [`Timers::fired`] tells whether it still counts.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<(Nanos, Tid)> {
        let Reverse((when, _)) = self.heap.peek()?;
        if *when > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Whether an entry from [`Timers::pop_due`] is the connection's own; if so it is armed no more.
    #[inline]
    pub(crate) fn fired(armed: &mut Armed, when: Nanos) -> bool {
        let own = armed.0 == when;
        if own {
            *armed = Armed::NO;
        }
        own
    }

    /// Bytes of the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.heap.len() * size_of::<Reverse<(Nanos, Tid)>>()
    }

    /// The earliest entry, if any.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse((when, _))| *when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(timers: &mut Timers, armed: &mut Armed, now: u64) -> usize {
        let mut fired = 0;
        while let Some((when, _)) = timers.pop_due(Nanos(now)) {
            fired += usize::from(Timers::fired(armed, when));
        }
        fired
    }

    #[test]
    fn an_earlier_deadline_wins_and_the_older_entry_is_stale() {
        let (mut timers, mut armed) = (Timers::default(), Armed::NO);
        timers.arm(Tid(1), &mut armed, Some(Nanos(100)));
        timers.arm(Tid(1), &mut armed, Some(Nanos(40)));
        assert_eq!(timers.next(), Some(Nanos(40)));
        assert_eq!(drain(&mut timers, &mut armed, 39), 0);
        assert_eq!(drain(&mut timers, &mut armed, 40), 1);
        assert_eq!(drain(&mut timers, &mut armed, 100), 0, "the entry of 100 is nobody's");
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_later_deadline_costs_nothing_until_the_old_one_fires() {
        let (mut timers, mut armed) = (Timers::default(), Armed::NO);
        timers.arm(Tid(1), &mut armed, Some(Nanos(100)));
        for deadline in 101..200 {
            timers.arm(Tid(1), &mut armed, Some(Nanos(deadline)));
        }
        timers.arm(Tid(1), &mut armed, None);
        assert_eq!(timers.heap.len(), 1);
        assert_eq!(drain(&mut timers, &mut armed, 100), 1);
        timers.arm(Tid(1), &mut armed, Some(Nanos(200)));
        assert_eq!(timers.next(), Some(Nanos(200)));
    }
}
