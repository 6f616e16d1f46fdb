//! What is in flight: a record for each segment sent, until it is acknowledged.
//!
//! Records tile `snd_una..snd_max` without gaps. Each knows when it was last sent, whether it was ever
//! sent again, and its [`Fate`], which is what RFC 6675 and RACK (RFC 8985) need. Records are split where
//! an ACK or a SACK block ends inside one, and neighbours are joined where nothing tells them apart.

use std::collections::VecDeque;

use mafo_mem::Nanos;

use crate::rack::Delivery;
use crate::{Fate, SackBlock, SeqNum, Transmissions};

/// Records that there is room for at first: as many as full segments in a window of 64 KiB, and what splits add.
const RECORDS: usize = 64;

/// Segments that must arrive beyond one before it is taken for lost (RFC 5681, RFC 6675).
pub(crate) const DUP_THRESH: u32 = 3;

/// One segment in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) start: SeqNum,
    pub(crate) end: SeqNum,
    /// When it was last sent.
    pub(crate) sent_at: Nanos,
    pub(crate) fate: Fate,
    pub(crate) transmissions: Transmissions,
    /// It went out as one piece with the next one (`Piece`), and is to go so again.
    pub(crate) goes_on: bool,
}

impl Sent {
    fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    /// What of it `block`, which touches it, holds in whole segments of `mss` bytes, of which the last may be shorter.
    fn whole_segments(&self, block: SackBlock, mss: u32) -> Option<(SeqNum, SeqNum)> {
        let Self { start, end, .. } = *self;
        // Where another instance's segments began is not known: at the edge of a block is one.
        let mss = if self.transmissions == Transmissions::Unknown { 1 } else { mss.max(1) };
        let from = match block.start.after(start) {
            true => (start + block.start.since(start).next_multiple_of(mss)).earlier(end),
            false => start,
        };
        let to = match block.end.before(end) {
            true => start + block.end.since(start) / mss * mss,
            false => end,
        };
        from.before(to).then_some((from, to))
    }
}

/// What an ACK or a SACK block newly reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    /// Bytes not reported before.
    pub(crate) bytes: u32,
    /// When the oldest of them was sent.
    pub(crate) sent_at: Option<Nanos>,
    /// When something was last sent again, unless all of them were sent after that: the report may answer
    /// that instead of them, so `sent_at` is no base of an RTT sample.
    pub(crate) sent_again_at: Option<Nanos>,
    /// Of those sent once, the one sent last.
    pub(crate) latest_original: Option<Delivery>,
    /// Of those sent again, the one sent last.
    pub(crate) latest_again: Option<Delivery>,
    /// The last of them, in the order in which they were reported.
    pub(crate) last: Option<Last>,
    /// The lowest start of one that was sent once.
    pub(crate) lowest_original_start: Option<SeqNum>,
    /// The lowest end of one that was sent once.
    pub(crate) lowest_original_end: Option<SeqNum>,
    /// The highest end.
    pub(crate) highest_end: Option<SeqNum>,
}

/// When a segment that was reported had been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) sent_at: Nanos,
    /// Not for the first time.
    pub(crate) again: bool,
}

impl Reported {
    fn add(&mut self, record: &Sent) {
        self.bytes += record.len();
        let again = record.transmissions == Transmissions::Again;
        self.last = Some(Last { sent_at: record.sent_at, again });
        if record.transmissions != Transmissions::Once {
            self.sent_again_at = self.sent_again_at.max(Some(record.sent_at));
        }
        self.sent_at = least(self.sent_at, Some(record.sent_at), Nanos::min);
        self.highest_end = least(self.highest_end, Some(record.end), SeqNum::later);
        let delivery = Some(Delivery { sent_at: record.sent_at, end: record.end });
        match record.transmissions {
            Transmissions::Once => {
                self.latest_original = Delivery::latest(self.latest_original, delivery);
                self.lowest_original_start =
                    least(self.lowest_original_start, Some(record.start), SeqNum::earlier);
                self.lowest_original_end =
                    least(self.lowest_original_end, Some(record.end), SeqNum::earlier);
            }
            Transmissions::Again => {
                self.latest_again = Delivery::latest(self.latest_again, delivery);
            }
            // When the other instance sent it is not known, but it was before all that this one sent.
            Transmissions::Unknown => {
                self.latest_original = Delivery::latest(self.latest_original, delivery);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let Self {
            bytes,
            sent_at,
            sent_again_at,
            latest_original,
            latest_again,
            last,
            lowest_original_start,
            lowest_original_end,
            highest_end,
        } = other;
        self.last = last.or(self.last);
        self.lowest_original_start =
            least(self.lowest_original_start, lowest_original_start, SeqNum::earlier);
        self.bytes += bytes;
        self.sent_again_at = self.sent_again_at.max(sent_again_at);
        self.sent_at = least(self.sent_at, sent_at, Nanos::min);
        self.latest_original = Delivery::latest(self.latest_original, latest_original);
        self.latest_again = Delivery::latest(self.latest_again, latest_again);
        self.lowest_original_end =
            least(self.lowest_original_end, lowest_original_end, SeqNum::earlier);
        self.highest_end = least(self.highest_end, highest_end, SeqNum::later);
    }

    /// The RTT sample, by Karn's rule.
    ///
    //= rfc6298#3
    pub(crate) fn rtt(&self, now: Nanos) -> Option<Nanos> {
        if self.sent_again_at.is_some() { None } else { self.sent_at.map(|at| now - at) }
    }
}

/// Segments that were sent once and are acknowledged: what [`Reported`] says of them in other words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InOrder {
    /// When the first was sent.
    pub(crate) sent_at: Nanos,
    /// The last.
    pub(crate) latest: Delivery,
}

/// Of two that may be absent, the one that `pick` prefers.
fn least<T>(a: Option<T>, b: Option<T>, pick: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(pick(a, b)),
        (a, b) => a.or(b),
    }
}

/// What RACK finds in the scoreboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overtaken {
    /// Bytes newly marked lost.
    pub(crate) lost: u32,
    /// When all the others that were overtaken are lost, if no ACK comes before.
    pub(crate) until: Option<Nanos>,
}

/// The records of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scoreboard {
    records: VecDeque<Sent>,
    /// Bytes whose fate is [`Fate::Sacked`].
    sacked: u32,
    /// Bytes whose fate is [`Fate::Lost`].
    lost: u32,
    /// No record that ends at or before this is lost; means nothing while `lost` is 0.
    lost_from: SeqNum,
    /// When anything was last sent again.
    sent_again_at: Option<Nanos>,
}

impl Default for Scoreboard {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Scoreboard {
    pub(crate) const EMPTY: Self = Self {
        records: VecDeque::new(),
        sacked: 0,
        lost: 0,
        lost_from: SeqNum(0),
        sent_again_at: None,
    };

    /// Forgets everything but keeps the memory.
    pub(crate) fn clear(&mut self) {
        let Self { records, sacked, lost, lost_from, sent_again_at } = self;
        records.clear();
        (*sacked, *lost, *lost_from, *sent_again_at) = (0, 0, SeqNum(0), None);
    }

    /// Bytes of its records, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.records.capacity() * size_of::<Sent>()
    }

    /// Bytes that have left the network without a cumulative ACK: SACKed, or lost and not sent again.
    pub(crate) fn left_network(&self) -> u32 {
        self.sacked + self.lost
    }

    pub(crate) fn sacked(&self) -> u32 {
        self.sacked
    }

    pub(crate) fn lost(&self) -> u32 {
        self.lost
    }

    /// `start..end` was sent for the first time. With `max` records the last one grows instead.
    //= rfc8985#4 RFC8985-4-2
    pub(crate) fn on_sent(&mut self, start: SeqNum, end: SeqNum, now: Nanos, max: usize) {
        debug_assert!(self.records.back().is_none_or(|last| last.end == start));
        if self.records.len() >= max
            && let Some(last) = self.records.back_mut()
            && last.fate == Fate::InFlight
        {
            last.end = end;
            last.sent_at = now;
            return;
        }
        let (fate, transmissions) = (Fate::InFlight, Transmissions::Once);
        let goes_on = false;
        if self.records.capacity() == 0 {
            self.records.reserve_exact(RECORDS);
        }
        self.records.push_back(Sent { start, end, sent_at: now, fate, transmissions, goes_on });
    }

    /// What was sent last is of one piece with what is sent next.
    pub(crate) fn last_goes_on(&mut self) {
        if let Some(last) = self.records.back_mut() {
            last.goes_on = true;
        }
    }

    /// Whether what ends at `end` was sent again just now, and what follows belongs to the same piece.
    pub(crate) fn goes_on_at(&self, end: SeqNum, now: Nanos) -> bool {
        self.ending_at(end).is_some_and(|at| {
            let Sent { sent_at, fate, transmissions, goes_on, .. } = self.records[at];
            let again = fate == Fate::InFlight && transmissions == Transmissions::Again;
            goes_on && again && sent_at == now
        })
    }

    /// The piece ends at `end` from now on.
    pub(crate) fn end_piece(&mut self, end: SeqNum) {
        if let Some(at) = self.ending_at(end) {
            self.records[at].goes_on = false;
        }
    }

    fn ending_at(&self, end: SeqNum) -> Option<usize> {
        let at = self.records.partition_point(|record| record.end.before(end));
        self.records.get(at).filter(|record| record.end == end).map(|_| at)
    }

    /// Everything before `una` is acknowledged: forgets it. What SACK had reported is not reported again.
    //= rfc2018#8 RFC2018-8-1
    pub(crate) fn on_acked(&mut self, una: SeqNum) -> Reported {
        let mut reported = Reported::default();
        while let Some(&first) = self.records.front()
            && first.start.before(una)
        {
            let gone = Sent { end: first.end.earlier(una), ..first };
            match first.fate {
                Fate::InFlight => reported.add(&gone),
                Fate::Lost => {
                    reported.add(&gone);
                    self.lost -= gone.len();
                }
                Fate::Sacked => self.sacked -= gone.len(),
            }
            if gone.end == first.end {
                self.records.pop_front();
            } else {
                self.records[0].start = una;
            }
        }
        self.doubt(reported)
    }

    /// As [`Scoreboard::on_acked`], if everything before `una` was sent once, in whole segments, and nothing is
    /// reported or lost; else nothing is done.
    pub(crate) fn on_acked_in_order(&mut self, una: SeqNum) -> Option<InOrder> {
        let first = *self.records.front()?;
        let (mut last, mut count) = (first, 0);
        for &record in self.records.iter().take_while(|record| record.start.before(una)) {
            if record.transmissions != Transmissions::Once || record.end.after(una) {
                return None;
            }
            (last, count) = (record, count + 1);
        }
        debug_assert_eq!(self.left_network(), 0);
        for _ in 0..count {
            self.records.pop_front();
        }
        let latest = Delivery { sent_at: last.sent_at, end: last.end };
        (count > 0).then_some(InOrder { sent_at: first.sent_at, latest })
    }

    /// A report of what was sent before something was sent again may answer that. When the ACKs of the
    /// first are lost, and only a timeout makes the peer speak again, the wait is no round trip.
    fn doubt(&self, reported: Reported) -> Reported {
        let before =
            self.sent_again_at.filter(|&at| reported.sent_at.is_some_and(|sent| sent < at));
        Reported { sent_again_at: reported.sent_again_at.max(before), ..reported }
    }

    /// A SACK block, which lies within what is in flight. Segments of `mss` bytes share a record if it is longer; it is
    /// split between them, unless there are `max`. Then the part stays unreported.
    //= rfc6675#3 RFC6675-3-1
    //= rfc2018#5 RFC2018-5-1
    /// A segment counts when the block holds all of it, as RFC 2018 has it and Linux does.
    pub(crate) fn on_sacked(&mut self, block: SackBlock, mss: u32, max: usize) -> Reported {
        let mut reported = Reported::default();
        let mut at = self.records.partition_point(|record| record.end.at_or_before(block.start));
        while let Some(record) = self.records.get(at)
            && record.start.before(block.end)
        {
            let Some((start, end)) = record.whole_segments(block, mss) else {
                at += 1;
                continue;
            };
            if start.after(record.start) {
                at = self.split(start, max);
            }
            if self.records.get(at).is_some_and(|record| record.end.after(end)) {
                self.split(end, max);
            }
            let Some(record) = self.records.get_mut(at) else { break };
            at += 1;
            if (record.start, record.end) != (start, end) || record.fate == Fate::Sacked {
                continue;
            }
            reported.add(record);
            self.sacked += record.len();
            if record.fate == Fate::Lost {
                self.lost -= record.len();
            }
            record.fate = Fate::Sacked;
        }
        self.join_sacked(block);
        self.doubt(reported)
    }

    /// Makes `seq` a boundary between records if there is room for one more. Answers the first record
    /// that starts at or beyond it.
    fn split(&mut self, seq: SeqNum, max: usize) -> usize {
        let at = self.records.partition_point(|record| record.end.at_or_before(seq));
        let Some(&record) = self.records.get(at) else { return at };
        if record.start.at_or_after(seq) {
            return at;
        }
        if self.records.len() < max {
            (self.records[at].end, self.records[at].goes_on) = (seq, false);
            self.records.insert(at + 1, Sent { start: seq, ..record });
        }
        at + 1
    }

    /// Joins SACKed neighbours in and around `block`: they are reported, nothing tells them apart.
    fn join_sacked(&mut self, block: SackBlock) {
        let first = self.records.partition_point(|record| record.end.before(block.start));
        let count =
            self.records.range(first..).take_while(|r| r.start.at_or_before(block.end)).count();
        let mut kept = first;
        for at in first + 1..first + count {
            let record = self.records[at];
            let last = &mut self.records[kept];
            let alike = last.transmissions == record.transmissions;
            if alike && last.fate == Fate::Sacked && record.fate == Fate::Sacked {
                last.end = record.end;
            } else {
                kept += 1;
                self.records[kept] = record;
            }
        }
        if count > 0 {
            self.records.drain(kept + 1..first + count);
        }
    }

    /// Marks what was overtaken: sent before `latest`, which was delivered, and `age` ago or more.
    ///
    //= rfc8985#6.2 RFC8985-6.2-7 RFC8985-6.2-8
    /// Retransmissions are records like any other here, so one that is lost again is found as well.
    pub(crate) fn mark_overtaken(&mut self, latest: Delivery, age: Nanos, now: Nanos) -> Overtaken {
        let mut found = Overtaken::default();
        let mut first = None;
        for record in &mut self.records {
            let Sent { start, end, sent_at, fate, transmissions, goes_on: _ } = *record;
            if !latest.is_after(Delivery { sent_at, end }) {
                // First transmissions go out in order, and a second one never before its first.
                if transmissions == Transmissions::Once && sent_at > latest.sent_at {
                    break;
                }
                continue;
            }
            if fate != Fate::InFlight {
                continue;
            }
            let deadline = sent_at + age;
            if deadline <= now {
                record.fate = Fate::Lost;
                found.lost += end.since(start);
                first = first.or(Some(start));
            } else {
                //= rfc8985#6.2
                // Step 5: once, for all of them.
                found.until = found.until.max(Some(deadline));
            }
        }
        self.note_lost(first, found.lost);
        found
    }

    /// `bytes` more are lost, from `first` on.
    fn note_lost(&mut self, first: Option<SeqNum>, bytes: u32) {
        if let Some(first) = first {
            self.lost_from = if self.lost > 0 { self.lost_from.earlier(first) } else { first };
            self.lost += bytes;
        }
    }

    /// Marks the oldest `mss` bytes as lost unless they are SACKed, lost, or sent again since they were
    /// first lost. Answers whether they were marked.
    pub(crate) fn mark_head_lost(&mut self, mss: u32, max: usize) -> bool {
        let Some(&head) = self.records.front() else { return false };
        if head.fate != Fate::InFlight || head.transmissions == Transmissions::Again {
            return false;
        }
        if head.len() > mss {
            self.split(head.start + mss, max);
        }
        let head = &mut self.records[0];
        head.fate = Fate::Lost;
        let (start, len) = (head.start, head.len());
        self.note_lost(Some(start), len);
        true
    }

    /// Bytes of the longest segment that was not reported.
    pub(crate) fn longest(&self) -> u32 {
        let open = self.records.iter().filter(|record| record.fate != Fate::Sacked);
        open.map(Sent::len).max().unwrap_or(0)
    }

    /// Marks segments of more than `longest` bytes as lost: the path does not carry them.
    pub(crate) fn mark_longer_lost(&mut self, longest: u32) {
        self.mark_lost_where(|record| record.len() > longest);
    }

    /// Marks what lies before `end` as lost.
    pub(crate) fn mark_head_lost_up_to(&mut self, end: SeqNum) {
        self.mark_lost_where(|record| record.end.at_or_before(end));
    }

    fn mark_lost_where(&mut self, is_lost: impl Fn(&Sent) -> bool) {
        let (mut first, mut lost) = (None, 0);
        for record in &mut self.records {
            if record.fate == Fate::InFlight && is_lost(record) {
                record.fate = Fate::Lost;
                lost += record.len();
                first = first.or(Some(record.start));
            }
        }
        self.note_lost(first, lost);
    }

    /// A timeout: the oldest bytes are lost, and all that is at least `age` old and not SACKed. A receiver
    /// that reported the oldest byte and still does not acknowledge it has gone back on its word; then
    /// no report counts.
    ///
    //= rfc2018#8 RFC2018-8-2
    //= rfc8985#6.3 RFC8985-6.3-1
    //= rfc6675#5.1 RFC6675-5.1-1
    pub(crate) fn mark_lost_on_timeout(&mut self, age: Nanos, now: Nanos) {
        let Some(head) = self.records.front() else { return };
        let (start, reneged) = (head.start, head.fate == Fate::Sacked);
        self.lost_from = start;
        for record in &mut self.records {
            let old = record.start == start || record.sent_at + age <= now;
            if record.fate == Fate::InFlight && old || reneged && record.fate == Fate::Sacked {
                record.fate = Fate::Lost;
            }
        }
        self.recount();
    }

    /// What was marked lost is under way: only late.
    pub(crate) fn unmark_lost(&mut self) {
        for record in &mut self.records {
            if record.fate == Fate::Lost {
                record.fate = Fate::InFlight;
            }
        }
        self.lost = 0;
    }

    fn recount(&mut self) {
        let bytes =
            |fate| -> u32 { self.records.iter().filter(|r| r.fate == fate).map(Sent::len).sum() };
        (self.lost, self.sacked) = (bytes(Fate::Lost), bytes(Fate::Sacked));
    }

    /// The last `mss` bytes, or what of them was one segment, are sent again as a probe. Answers what.
    ///
    //= rfc8985#7.3
    pub(crate) fn on_tail_probed(
        &mut self,
        mss: u32,
        now: Nanos,
        max: usize,
    ) -> Option<(SeqNum, SeqNum)> {
        let last = *self.records.back()?;
        if last.len() > mss {
            self.split(last.end - mss, max);
        }
        let last = self.records.back_mut()?;
        if last.fate != Fate::InFlight || last.len() > mss {
            return None;
        }
        (last.sent_at, last.transmissions) = (now, Transmissions::Again);
        let sent = (last.start, last.end);
        self.sent_again_at = Some(now);
        Some(sent)
    }

    /// When the oldest byte was last sent.
    pub(crate) fn oldest_sent_at(&self) -> Option<Nanos> {
        self.records.front().map(|record| record.sent_at)
    }

    /// Records: segments in flight, but for those that share one.
    pub(crate) fn segments(&self) -> usize {
        self.records.len()
    }

    /// The first lost bytes: as many as follow each other, at most up to `end_of(start)`.
    //= rfc2018#5 RFC2018-5-2
    pub(crate) fn next_lost(&self, end_of: impl Fn(SeqNum) -> SeqNum) -> Option<(SeqNum, SeqNum)> {
        if self.lost == 0 {
            return None;
        }
        let from = self.records.partition_point(|r| r.end.at_or_before(self.lost_from));
        let mut lost = self.records.range(from..).skip_while(|r| r.fate != Fate::Lost);
        let first = lost.next()?;
        let (limit, mut end) = (end_of(first.start), first.end);
        for record in lost.take_while(|r| r.fate == Fate::Lost) {
            if end.at_or_after(limit) {
                break;
            }
            end = record.end;
        }
        Some((first.start, end.earlier(limit)))
    }

    /// `start..end`, which [`Scoreboard::next_lost`] answered, was sent again, as one segment. With `max`
    /// records it shares one with what was sent again just before it, if that is its neighbour.
    pub(crate) fn on_retransmitted(&mut self, start: SeqNum, end: SeqNum, now: Nanos, max: usize) {
        let at = self.records.partition_point(|record| record.end.at_or_before(start));
        debug_assert_eq!(self.records.get(at).map(|r| r.start), Some(start));
        self.lost -= end.since(start);
        self.lost_from = end;
        self.sent_again_at = Some(now);
        // What the segment covers becomes one record; what is left of the last one stays behind it.
        let covered = self.records.range(at..).take_while(|r| r.start.before(end)).count();
        let last = self.records[at + covered - 1];
        self.records.drain(at + 1..at + covered);
        let (fate, transmissions) = (Fate::InFlight, Transmissions::Again);
        let goes_on = last.end == end && last.goes_on;
        self.records[at] = Sent { start, end, sent_at: now, fate, transmissions, goes_on };
        if last.end == end {
            return;
        }
        let rest = Sent { start: end, ..last };
        if self.records.len() >= max
            && let Some(before) = at.checked_sub(1)
            && (self.records[before].fate, self.records[before].transmissions)
                == (fate, transmissions)
        {
            self.records[before].end = end;
            self.records[before].sent_at = now;
            self.records[at] = rest;
        } else {
            self.records.insert(at + 1, rest);
        }
        if self.records.len() / 2 > max {
            self.join_alike();
        }
    }

    /// Joins neighbours that nothing but their age tells apart, as if they had been sent with the later.
    fn join_alike(&mut self) {
        let mut kept = 0;
        for at in 1..self.records.len() {
            let record = self.records[at];
            let last = &mut self.records[kept];
            if (last.fate, last.transmissions) == (record.fate, record.transmissions) {
                last.end = record.end;
                last.sent_at = record.sent_at.max(last.sent_at);
            } else {
                kept += 1;
                self.records[kept] = record;
            }
        }
        self.records.truncate(kept + 1);
    }

    /// The first lost byte.
    pub(crate) fn first_lost(&self) -> Option<SeqNum> {
        self.next_lost(|start| start + 1).map(|(start, _)| start)
    }

    /// When anything was last sent again.
    pub(crate) fn sent_again_at(&self) -> Option<Nanos> {
        self.sent_again_at
    }

    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = &Sent> {
        self.records.iter()
    }

    /// A scoreboard of `records`, which tile what is in flight.
    pub(crate) fn restore(
        records: impl Iterator<Item = Sent>,
        sent_again_at: Option<Nanos>,
    ) -> Self {
        let records: VecDeque<Sent> = records.collect();
        let lost_from = records.front().map_or(SeqNum(0), |first| first.start);
        let mut board = Self { sacked: 0, lost: 0, lost_from, records, sent_again_at };
        board.recount();
        board
    }
}

#[cfg(test)]
#[path = "scoreboard_tests.rs"]
mod tests;
