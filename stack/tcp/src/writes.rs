//! Where what the owner wrote ends, as far as segments show it: PSH, ends of records, tails that wait.

use std::collections::VecDeque;

use mafo_mem::Nanos;

use crate::{Connection, SeqNum, WritesCheckpoint};

/// What follows the bytes that are posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Nothing that is known of.
    #[default]
    Nothing,
    /// More, soon: a segment that is not full waits for it, but only until something else happens on the
    /// connection (MSG_MORE).
    More,
    /// Another record: no segment holds bytes of both (MSG_EOR).
    Record,
}

/// Where a segment is in a piece: segments that a sender with segmentation offload would have handed over together.
/// Like Linux's, pieces of several segments end with PSH, so that a receiver that joins segments does not wait for
/// more; also when they are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// It is the piece.
    Alone,
    /// Others follow.
    GoesOn,
    /// It is the last one.
    Ends,
}

/// The ends of what was posted.
#[derive(Clone, Debug)]
pub(crate) struct Writes {
    /// One past the last byte that was posted without more to come, or is pushed nevertheless.
    push: SeqNum,
    /// More is to come.
    held: bool,
    /// One past the last byte that no cork holds back.
    flushed: SeqNum,
    /// Segments of the train that is being sent.
    train: u8,
}

/// Places among what was posted and is not acknowledged, in order. Few owners mark any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends(VecDeque<SeqNum>);

impl Ends {
    pub(crate) const NONE: Self = Self(VecDeque::new());

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, end: SeqNum) {
        self.0.push_back(end);
    }

    /// The first one beyond `start`.
    pub(crate) fn after(&self, start: SeqNum) -> Option<SeqNum> {
        self.0.iter().copied().find(|end| end.after(start))
    }

    /// Everything before `una` is acknowledged.
    pub(crate) fn forget(&mut self, una: SeqNum) {
        while self.0.front().is_some_and(|end| end.at_or_before(una)) {
            self.0.pop_front();
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<SeqNum> {
        self.0.iter().copied().collect()
    }

    pub(crate) fn restore(ends: &[SeqNum]) -> Self {
        Self(ends.iter().copied().collect())
    }

    /// Forgets everything but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes that they take, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<SeqNum>()
    }
}

impl Writes {
    pub(crate) fn new(at: SeqNum) -> Self {
        Self { push: at, held: false, flushed: at, train: 0 }
    }

    pub(crate) fn checkpoint(&self) -> WritesCheckpoint {
        let Self { push, held, flushed, train } = *self;
        WritesCheckpoint { push, held, flushed, train }
    }

    pub(crate) fn restore(checkpoint: WritesCheckpoint) -> Self {
        let WritesCheckpoint { push, held, flushed, train } = checkpoint;
        Self { push, held, flushed, train }
    }

    /// Bytes up to `end` are posted, and `then` follows.
    pub(crate) fn on_post(&mut self, end: SeqNum, then: Then) {
        self.held = then == Then::More;
        if then != Then::More {
            self.push = end;
        }
    }

    /// Whatever has happened: a tail waits no longer.
    pub(crate) fn release(&mut self) {
        self.held = false;
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Nothing before `end` is held back any more.
    pub(crate) fn flush(&mut self, end: SeqNum) {
        self.held = false;
        self.flushed = end;
    }

    pub(crate) fn is_flushed(&self, start: SeqNum) -> bool {
        self.flushed.after(start)
    }

    /// Whether `start..end` holds the last byte that was posted without more to come.
    pub(crate) fn pushes(&self, start: SeqNum, end: SeqNum) -> bool {
        self.push.after(start) && end.at_or_after(self.push)
    }

    /// The pace holds what follows: it is of another train.
    pub(crate) fn break_train(&mut self) {
        self.train = 0;
    }

    /// Whether the next segment is of a train; one that nothing precedes and nothing follows is not.
    pub(crate) fn is_train(&self, more: bool) -> bool {
        more || self.train > 0
    }

    /// Another segment of a train goes out, which `more` follow at once. Where it is in what a sender with
    /// segmentation offload would have handed over as one piece of up to `piece` segments.
    pub(crate) fn next_of_piece(&mut self, more: bool, piece: u8) -> Piece {
        self.train = self.train.saturating_add(1);
        if more && self.train < piece {
            return Piece::GoesOn;
        }
        match core::mem::take(&mut self.train) {
            1 => Piece::Alone,
            _ => Piece::Ends,
        }
    }
}

impl Connection {
    /// Whether `start..end` holds the last byte of a write, or of as much of one as is pushed at a time.
    //= rfc9293#3.9.1.2
    pub(crate) fn pushes(&self, start: SeqNum, end: SeqNum) -> bool {
        self.snd.writes.pushes(start, end)
            || self.flight.record_ends.after(start) == Some(end)
            || self.flight.push_ends.after(start).is_some_and(|push| end.at_or_after(push))
    }

    /// Bytes up to `end` are posted, and `then` follows.
    ///
    /// A writer who always has more is pushed nevertheless: by half a window, as in Linux (forced_push), so that the
    /// peer's reader need not wait for the window to be full.
    pub(crate) fn note_post(&mut self, end: SeqNum, then: Then) {
        let writes = &mut self.snd.writes;
        if then == Then::More && end.after(writes.push + self.snd.wnd_max / 2) {
            writes.push = end;
            self.flight.push_ends.add(end);
        }
        writes.on_post(end, then);
    }

    /// Segments of which segmentation offload would make one piece: a millisecond's worth at the pace of the
    /// congestion window, and no less than the configured number; at most half the window.
    pub(crate) fn piece(&self, least: u8) -> u8 {
        let mss = self.payload_max().max(1);
        let cwnd = self.snd.cc.cwnd() / mss;
        let srtt = self.snd.rtt.srtt().map_or(u64::MAX, Nanos::as_micros);
        // As tcp_tso_autosize: twice the window a round trip, and for near peers up to 64 KiB more.
        let paced = 2 * u64::from(self.snd.cc.cwnd()) * 1000 / srtt.max(1);
        let near = 65_536_u64.checked_shr((srtt >> 9).min(u32::MAX.into()) as u32).unwrap_or(0);
        let segments = ((paced + near) / u64::from(mss)).max(least.into());
        segments.min(u64::from(cwnd / 2).max(1)).min(u8::MAX.into()) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: SeqNum = SeqNum(u32::MAX - 99);

    #[test]
    fn a_write_ends_with_push_unless_more_is_to_come() {
        let mut writes = Writes::new(AT);
        writes.on_post(AT + 150, Then::Nothing);
        assert!(writes.pushes(AT + 100, AT + 150));
        assert!(!writes.pushes(AT, AT + 100));
        writes.on_post(AT + 200, Then::More);
        assert!(writes.is_held());
        assert!(!writes.pushes(AT + 150, AT + 200), "nobody wants it seen yet");
        assert!(writes.pushes(AT + 100, AT + 200), "but what came before");
        writes.release();
        assert!(!writes.is_held());
        writes.on_post(AT + 250, Then::Nothing);
        assert!(writes.pushes(AT + 150, AT + 250));
    }

    #[test]
    fn records_end_where_they_were_said_to_until_that_is_acknowledged() {
        let mut records = Ends::NONE;
        assert_eq!(records.after(AT), None);
        for end in [50, 150, 300] {
            records.add(AT + end);
        }
        assert_eq!(records.after(AT), Some(AT + 50));
        assert_eq!(records.after(AT + 50), Some(AT + 150));
        records.forget(AT + 149);
        assert_eq!(records.after(AT), Some(AT + 150));
        records.forget(AT + 300);
        assert!(records.is_empty(), "and nothing is kept of them");
    }

    #[test]
    fn a_flush_lets_out_what_was_held_back_and_nothing_later() {
        let mut writes = Writes::new(AT);
        writes.on_post(AT + 40, Then::More);
        writes.flush(AT + 40);
        assert!(!writes.is_held());
        assert!(writes.is_flushed(AT + 39));
        assert!(!writes.is_flushed(AT + 40));
    }

    #[test]
    fn pieces_of_a_train_end_with_push_and_a_lone_segment_does_not() {
        let mut writes = Writes::new(AT);
        let train = |writes: &mut Writes, segments: u8, piece| -> Vec<bool> {
            let places = (1..=segments).map(|n| match writes.is_train(n < segments) {
                true => writes.next_of_piece(n < segments, piece),
                false => Piece::Alone,
            });
            places.map(|place| place == Piece::Ends).collect()
        };
        assert_eq!(train(&mut writes, 1, 2), [false]);
        assert_eq!(train(&mut writes, 5, 2), [false, true, false, true, false]);
        assert_eq!(train(&mut writes, 4, 3), [false, false, true, false]);
        assert_eq!(train(&mut writes, 3, 9), [false, false, true], "all there is");
    }
}
