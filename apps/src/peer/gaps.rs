//! How long a connection's application waited for payload around an instant.
//!
//! The parent learns when something happened to the cable only after it did, and says so a moment
//! later, so the recent gaps are kept. Short ones are not: payload that arrives in quick succession
//! would push out what is worth keeping.

use std::collections::VecDeque;

use super::clock::Monotonic;
use super::protocol::Gap;

/// The shortest time between two arrivals that counts as a gap, in nanoseconds.
pub const SHORTEST_GAP: u64 = 200_000;

/// Gaps kept before an instant is marked.
const KEPT: usize = 32;

/// A marked instant, and what is known about it.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Monotonic,
    spanning: Option<Gap>,
    longest: Option<Gap>,
}

/// The arrivals of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapLog {
    last: Option<Monotonic>,
    recent: VecDeque<Gap>,
    mark: Option<Mark>,
}

impl Gap {
    /// Its length up to `now`, in nanoseconds.
    #[must_use]
    pub fn len_at(&self, now: Monotonic) -> u64 {
        self.to.unwrap_or(now).since(self.from)
    }
}

impl Mark {
    fn consider(&mut self, gap: Gap, now: Monotonic) {
        if gap.to.is_some_and(|to| to <= self.at) {
            return;
        }
        if gap.from <= self.at {
            self.spanning = Some(gap);
        }
        if self.longest.is_none_or(|longest| longest.len_at(now) < gap.len_at(now)) {
            self.longest = Some(gap);
        }
    }
}

impl GapLog {
    /// Payload reaches the application.
    pub(crate) fn arrival(&mut self, now: Monotonic) {
        let Some(from) = self.last.replace(now) else { return };
        if now.since(from) < SHORTEST_GAP {
            return;
        }
        let gap = Gap { from, to: Some(now) };
        if let Some(mark) = &mut self.mark {
            mark.consider(gap, now);
        }
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(gap);
    }

    /// Remembers what spans `at` from now on; forgets the mark before.
    pub(crate) fn mark(&mut self, at: Monotonic, now: Monotonic) {
        let mut mark = Mark { at, spanning: None, longest: None };
        for gap in &self.recent {
            mark.consider(*gap, now);
        }
        self.mark = Some(mark);
    }

    /// The gap that spans the marked instant, and the longest that ends after it. One that has not
    /// ended counts as far as it has come.
    pub(crate) fn stall(&self, now: Monotonic) -> (Option<Gap>, Option<Gap>) {
        let Some(mut mark) = self.mark else { return (None, None) };
        if let Some(from) = self.last {
            let open = Gap { from, to: None };
            if open.len_at(now) >= SHORTEST_GAP {
                mark.consider(open, now);
            }
        }
        (mark.spanning, mark.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn log(arrivals_ms: &[u64]) -> GapLog {
        let mut log = GapLog::default();
        arrivals_ms.iter().for_each(|ms| log.arrival(Monotonic(ms * MS)));
        log
    }

    fn gap(from: u64, to: impl Into<Option<u64>>) -> Option<Gap> {
        Some(Gap { from: Monotonic(from * MS), to: to.into().map(|to| Monotonic(to * MS)) })
    }

    #[test]
    fn an_instant_marked_late_finds_the_gap_before() {
        let mut log = log(&[10, 20, 23, 30]);
        log.mark(Monotonic(21 * MS), Monotonic(30 * MS));
        assert_eq!(log.stall(Monotonic(30 * MS)), (gap(20, 23), gap(23, 30)));
    }

    #[test]
    fn an_instant_marked_early_finds_the_gap_to_come() {
        let mut log = log(&[10]);
        log.mark(Monotonic(15 * MS), Monotonic(11 * MS));
        log.arrival(Monotonic(12 * MS));
        assert_eq!(log.stall(Monotonic(12 * MS)), (None, None));
        log.arrival(Monotonic(40 * MS));
        log.arrival(Monotonic(45 * MS));
        assert_eq!(log.stall(Monotonic(45 * MS)), (gap(12, 40), gap(12, 40)));
    }

    #[test]
    fn silence_that_goes_on_counts_as_far_as_it_has_come() {
        let mut log = log(&[10, 20]);
        log.mark(Monotonic(22 * MS), Monotonic(22 * MS));
        assert_eq!(log.stall(Monotonic(50 * MS)), (gap(20, None), gap(20, None)));
        log.arrival(Monotonic(60 * MS));
        assert_eq!(log.stall(Monotonic(60 * MS)), (gap(20, 60), gap(20, 60)));
    }

    #[test]
    fn a_longer_silence_after_the_mark_is_the_longest_and_does_not_span_it() {
        let mut log = log(&[10, 20]);
        log.mark(Monotonic(15 * MS), Monotonic(20 * MS));
        log.arrival(Monotonic(21 * MS));
        log.arrival(Monotonic(90 * MS));
        log.arrival(Monotonic(91 * MS));
        assert_eq!(log.stall(Monotonic(91 * MS)), (gap(10, 20), gap(21, 90)));
        // The next mark knows nothing of the one before.
        log.mark(Monotonic(95 * MS), Monotonic(91 * MS));
        assert_eq!(log.stall(Monotonic(91 * MS)), (None, None));
    }

    #[test]
    fn quick_arrivals_do_not_push_out_gaps() {
        let mut log = log(&[10, 20]);
        for i in 0..10_000 {
            log.arrival(Monotonic(20 * MS + i * 10));
        }
        log.mark(Monotonic(15 * MS), Monotonic(21 * MS));
        assert_eq!(log.stall(Monotonic(20 * MS + 99_990)).0, gap(10, 20));
    }

    #[test]
    fn nothing_arrived_or_nothing_marked_is_no_stall() {
        let mut nothing = GapLog::default();
        nothing.mark(Monotonic(5), Monotonic(6));
        assert_eq!(nothing.stall(Monotonic(MS)), (None, None));
        assert_eq!(log(&[1, 9]).stall(Monotonic(20 * MS)), (None, None));
    }
}
