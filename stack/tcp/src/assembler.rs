//! Which ranges beyond `rcv_nxt` have arrived. The bytes are the owner's.

use crate::{HeldRange, SackBlock, SackBlocks, SeqNum};

/// Ranges that there is room for at first: more than most gaps make.
const RANGES: usize = 16;

/// Arrivals are counted anew from here on.
pub(crate) const ARRIVAL_MAX: u32 = 1 << 30;

/// Disjoint ranges, none touching the next, by rising sequence number.
///
/// All of them lie within one receive window, so comparing them as sequence numbers is sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assembler {
    ranges: Vec<HeldRange>,
}

/// What became of a range offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// Some of its bytes are new, and all are held now.
    Held,
    /// All of its bytes were held already.
    Known,
    /// No range was free.
    Full,
}

impl Assembler {
    pub(crate) const EMPTY: Self = Self { ranges: Vec::new() };

    /// Forgets everything but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Bytes of its ranges, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.ranges.capacity() * size_of::<HeldRange>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Holds `start..end` (not empty), joining it with the ranges that it overlaps or touches; at most
    /// `max` ranges are kept apart.
    pub(crate) fn insert(&mut self, start: SeqNum, end: SeqNum, max: usize) -> Inserted {
        debug_assert!(end.after(start));
        let first = self.ranges.partition_point(|range| range.end.before(start));
        let touched = self.ranges[first..].partition_point(|range| range.start.at_or_before(end));
        let arrival = self.next_arrival();
        if touched == 0 {
            if self.ranges.len() >= max {
                return Inserted::Full;
            }
            if self.ranges.capacity() == 0 {
                self.ranges.reserve_exact(RANGES);
            }
            self.ranges.insert(first, HeldRange { start, end, arrival });
            return Inserted::Held;
        }
        let (head, tail) = (self.ranges[first], self.ranges[first + touched - 1]);
        let known = touched == 1 && start.at_or_after(head.start) && end.at_or_before(head.end);
        self.ranges[first] =
            HeldRange { start: head.start.earlier(start), end: tail.end.later(end), arrival };
        self.ranges.drain(first + 1..first + touched);
        if known { Inserted::Known } else { Inserted::Held }
    }

    /// Counts from the latest range still held.
    fn next_arrival(&mut self) -> u32 {
        let latest = self.ranges.iter().map(|range| range.arrival).max().unwrap_or(0);
        if latest < ARRIVAL_MAX {
            return 1 + latest;
        }
        // A peer that sends the same again and again gets here: their order is all that counts.
        let arrivals: Vec<u32> = self.ranges.iter().map(|range| range.arrival).collect();
        for range in &mut self.ranges {
            range.arrival = arrivals.iter().filter(|&&other| other < range.arrival).count() as u32;
        }
        1 + self.ranges.len() as u32
    }

    /// The first part of `start..end` that is held.
    pub(crate) fn first_known(&self, start: SeqNum, end: SeqNum) -> Option<SackBlock> {
        let first = self.ranges.iter().find(|range| range.end.after(start))?;
        let (start, end) = (first.start.later(start), first.end.earlier(end));
        start.before(end).then_some(SackBlock { start, end })
    }

    /// Everything before `nxt` is in order now. Answers how far the order goes, over ranges that follow
    /// without a gap, and forgets them.
    pub(crate) fn advance(&mut self, nxt: SeqNum) -> SeqNum {
        let reached = self.ranges.partition_point(|range| range.start.at_or_before(nxt));
        if reached == 0 {
            return nxt;
        }
        let nxt = nxt.later(self.ranges[reached - 1].end);
        self.ranges.drain(..reached);
        nxt
    }

    /// Forgets what lies at `end` and beyond.
    pub(crate) fn cut_off(&mut self, end: SeqNum) {
        self.ranges.retain_mut(|range| {
            range.end = range.end.earlier(end);
            range.start.before(end)
        });
    }

    /// Up to `max` ranges, that of the latest arrival first.
    ///
    //= rfc2018#4 RFC2018-4-2 RFC2018-4-4
    pub(crate) fn sack_blocks(&self, max: usize) -> SackBlocks {
        let mut blocks = SackBlocks::EMPTY;
        let mut below = u32::MAX;
        while blocks.len() < max {
            let older = self.ranges.iter().filter(|range| range.arrival < below);
            let Some(latest) = older.max_by_key(|range| range.arrival) else { break };
            below = latest.arrival;
            blocks.push(SackBlock { start: latest.start, end: latest.end });
        }
        blocks
    }

    pub(crate) fn ranges(&self) -> &[HeldRange] {
        &self.ranges
    }

    pub(crate) fn restore(ranges: &[HeldRange]) -> Self {
        Self { ranges: ranges.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const BASE: SeqNum = SeqNum(u32::MAX - 20);

    fn insert(assembler: &mut Assembler, start: u32, end: u32) -> Inserted {
        assembler.insert(BASE + start, BASE + end, 4)
    }

    fn ranges(assembler: &Assembler) -> Vec<(u32, u32)> {
        assembler.ranges().iter().map(|r| (r.start.since(BASE), r.end.since(BASE))).collect()
    }

    fn blocks(assembler: &Assembler, max: usize) -> Vec<(u32, u32)> {
        let blocks = assembler.sack_blocks(max);
        blocks.as_slice().iter().map(|b| (b.start.since(BASE), b.end.since(BASE))).collect()
    }

    #[test]
    fn arrivals_are_counted_anew_before_they_run_out() {
        let range =
            |start: u32, arrival| HeldRange { start: BASE + start, end: BASE + start + 5, arrival };
        let mut assembler =
            Assembler { ranges: vec![range(10, ARRIVAL_MAX), range(20, 3), range(30, 7)] };
        insert(&mut assembler, 40, 45);
        assert_eq!(blocks(&assembler, 4), [(40, 45), (10, 15), (30, 35), (20, 25)]);
        assert!(assembler.ranges().iter().all(|range| range.arrival <= 4), "{assembler:?}");
    }

    #[test]
    fn ranges_join_when_they_touch_or_overlap() {
        let mut assembler = Assembler::default();
        assert_eq!(insert(&mut assembler, 10, 20), Inserted::Held);
        assert_eq!(insert(&mut assembler, 30, 40), Inserted::Held);
        assert_eq!(ranges(&assembler), [(10, 20), (30, 40)]);
        assert_eq!(insert(&mut assembler, 12, 18), Inserted::Known);
        assert_eq!(insert(&mut assembler, 40, 45), Inserted::Held, "touches behind");
        assert_eq!(insert(&mut assembler, 5, 10), Inserted::Held, "touches before");
        assert_eq!(ranges(&assembler), [(5, 20), (30, 45)]);
        assert_eq!(insert(&mut assembler, 19, 31), Inserted::Held, "bridges");
        assert_eq!(ranges(&assembler), [(5, 45)]);
        assert_eq!(insert(&mut assembler, 0, 60), Inserted::Held, "covers");
        assert_eq!(ranges(&assembler), [(0, 60)]);
    }

    #[test]
    fn order_takes_up_what_follows_without_a_gap() {
        let mut assembler = Assembler::default();
        insert(&mut assembler, 10, 20);
        insert(&mut assembler, 30, 40);
        assert_eq!(assembler.advance(BASE + 5), BASE + 5);
        assert_eq!(assembler.advance(BASE + 10), BASE + 20);
        assert_eq!(ranges(&assembler), [(30, 40)]);
        assert_eq!(assembler.advance(BASE + 50), BASE + 50, "a segment over the whole range");
        assert!(assembler.is_empty());
    }

    #[test]
    fn what_is_cut_off_is_forgotten() {
        let mut assembler = Assembler::default();
        for start in [10, 30, 50] {
            insert(&mut assembler, start, start + 10);
        }
        assembler.cut_off(BASE + 35);
        assert_eq!(ranges(&assembler), [(10, 20), (30, 35)]);
        assembler.cut_off(BASE + 30);
        assert_eq!(ranges(&assembler), [(10, 20)]);
    }

    #[test]
    fn a_full_assembler_takes_only_what_joins() {
        let mut assembler = Assembler::default();
        for start in [10, 30, 50, 70] {
            assert_eq!(insert(&mut assembler, start, start + 5), Inserted::Held);
        }
        assert_eq!(insert(&mut assembler, 90, 95), Inserted::Full);
        assert_eq!(insert(&mut assembler, 2, 4), Inserted::Full);
        assert_eq!(insert(&mut assembler, 75, 80), Inserted::Held);
        assert_eq!(ranges(&assembler), [(10, 15), (30, 35), (50, 55), (70, 80)]);
    }

    #[test]
    fn blocks_come_latest_first() {
        //= rfc2018#4
        let mut assembler = Assembler::default();
        for start in [10, 30, 50, 70] {
            insert(&mut assembler, start, start + 5);
        }
        assert_eq!(blocks(&assembler, 3), [(70, 75), (50, 55), (30, 35)]);
        insert(&mut assembler, 15, 17);
        assert_eq!(blocks(&assembler, 4), [(10, 17), (70, 75), (50, 55), (30, 35)]);
        insert(&mut assembler, 31, 33);
        assert_eq!(blocks(&assembler, 2), [(30, 35), (10, 17)], "a duplicate counts as arrival");
    }

    proptest! {
        /// Against a set of single bytes.
        #[test]
        fn agrees_with_a_set_of_bytes(
            start: u32,
            steps in proptest::collection::vec((0..100_u32, 1..20_u32, any::<bool>()), 1..60),
        ) {
            let base = SeqNum(start);
            let (mut assembler, mut bytes, mut nxt) = (Assembler::default(), BTreeSet::new(), 0);
            for (at, len, in_order) in steps {
                if in_order {
                    let end = nxt + len / 4;
                    bytes.extend(nxt..end);
                    while bytes.remove(&nxt) { nxt += 1; }
                    prop_assert_eq!(assembler.advance(base + end).since(base), nxt);
                } else {
                    let start = nxt + 1 + at;
                    let before = bytes.len();
                    let inserted = assembler.insert(base + start, base + start + len, 6);
                    if inserted != Inserted::Full {
                        bytes.extend(start..start + len);
                        prop_assert_eq!(inserted == Inserted::Known, bytes.len() == before);
                    }
                }
                let held: Vec<u32> = assembler.ranges().iter()
                    .flat_map(|r| r.start.since(base)..r.end.since(base)).collect();
                prop_assert!(held.iter().eq(&bytes));
                prop_assert!(assembler.ranges().len() <= 6);
                let gaps = assembler.ranges().windows(2).all(|r| r[0].end.before(r[1].start));
                prop_assert!(gaps, "ranges neither touch nor overlap");
            }
        }
    }
}
