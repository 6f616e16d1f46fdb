//! Transmit credits: what a connection may have outstanding with the firmware.
//!
//! Every work request on an offload queue costs its length in units of 16 bytes, and the firmware gives
//! units back with FW4_ACK, in order, whole work requests at a time. A few units are kept for the end:
//! an ABORT_REQ, an ABORT_RPL and the question whether all that is done must always be possible.

/// Units of an ABORT_REQ and of an ABORT_RPL, 32 bytes each, both needed when aborts cross, and of the
/// SET_TCB_FIELD behind them, 48 bytes.
const ABORT_RESERVE: u16 = 2 + 2 + 3;
/// Units of a longest work request.
const WR_UNITS_MAX: u16 = (mafo_t4::wr::MAX_LEN / 16) as u16;

/// Units of one work request: taken from the connection's pool, moved into the work request, given back
/// by the FW4_ACK that names them. A permit that is neither spent nor returned is a bug.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "credits must be spent on a work request or returned"]
pub struct TxCredits(u8);

impl TxCredits {
    /// How many units.
    #[must_use]
    pub fn units(&self) -> u8 {
        self.0
    }

    fn into_units(mut self) -> u8 {
        core::mem::take(&mut self.0)
    }
}

impl Drop for TxCredits {
    fn drop(&mut self) {
        let settled = self.0 == 0 || std::thread::panicking();
        debug_assert!(settled, "{} transmit credits were neither spent nor returned", self.0);
    }
}

/// What a work request is for, as far as credits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Anything but the end: leaves what an abort needs.
    Ordinary,
    /// ABORT_REQ, ABORT_RPL and what tells that they are done: may take the reserve.
    Abort,
}

/// Whether more work requests of the connection follow at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More follow: the answer may wait for them.
    More,
    /// The connection's queue is empty behind this one.
    Idle,
}

/// The firmware gave back what it was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("FW4_ACK of {credits} credits is not a number of whole work requests outstanding")]
pub struct BadAck {
    /// Units that it named.
    pub credits: u8,
}

/// Units that a connection may have outstanding at most, whatever the card would take.
const UNITS_MAX: u16 = 256;

/// A connection's transmit credits.
#[derive(Clone, Debug)]
pub struct TxCreditPool {
    total: u16,
    free: u16,
    /// Units posted since the firmware was last asked for an answer.
    unasked: u16,
    outstanding: Outstanding,
    tail: Tail,
}

/// The work requests outstanding, oldest first: a ring of units, in which the last unit of each work request is marked. It
/// takes no memory of its own, as a connection that is idle shall not.
#[derive(Clone, Debug, Default)]
struct Outstanding {
    marks: [u32; UNITS_MAX as usize / 32],
    /// Units of all.
    units: u16,
    /// Where the oldest unit is in the ring.
    first: u8,
}

impl Outstanding {
    /// The place of the mark of unit `n`, counted from the oldest.
    fn place(&self, n: u16) -> (usize, u32) {
        let at = (u16::from(self.first) + n) % UNITS_MAX;
        (usize::from(at / 32), 1 << (at % 32))
    }

    fn is_last(&self, n: u16) -> bool {
        let (word, bit) = self.place(n);
        self.marks[word] & bit != 0
    }

    fn mark(&mut self, n: u16, is_last: bool) {
        let (word, bit) = self.place(n);
        if is_last { self.marks[word] |= bit } else { self.marks[word] &= !bit }
    }

    fn push(&mut self, units: u8) {
        self.units += u16::from(units);
        self.mark(self.units - 1, true);
    }

    /// How many work requests the oldest `units` units are; `None` if they are no whole ones.
    fn whole(&self, units: u16) -> Option<usize> {
        if units == 0 {
            return Some(0);
        }
        let is_whole = units <= self.units && self.is_last(units - 1);
        is_whole.then(|| {
            self.words(units)
                .map(|(word, mask)| (self.marks[word] & mask).count_ones() as usize)
                .sum()
        })
    }

    /// Takes the oldest `units` off.
    fn pop(&mut self, units: u16) {
        for (word, mask) in self.words(units) {
            self.marks[word] &= !mask;
        }
        self.units -= units;
        self.first = self.first.wrapping_add(units as u8);
    }

    /// The words in which the marks of the oldest `units` are, and which of theirs these are.
    fn words(&self, units: u16) -> impl Iterator<Item = (usize, u32)> + use<> {
        let (mut at, mut left) = (u32::from(self.first), u32::from(units));
        core::iter::from_fn(move || {
            let n = left.min(32 - at % 32);
            let mask = u32::MAX.checked_shr(32 - n)? << (at % 32);
            let word = at as usize / 32 % (UNITS_MAX as usize / 32);
            (at, left) = (at + n, left - n);
            Some((word, mask))
        })
    }

    /// Takes off the newest work request of so many units; whether there was one.
    fn remove(&mut self, units: u16) -> bool {
        let mut end = self.units;
        while end > 0 {
            let begin = (1..end).rev().find(|&n| self.is_last(n - 1)).unwrap_or(0);
            if end - begin == units {
                for n in begin..self.units {
                    let is_last = n + units < self.units && self.is_last(n + units);
                    self.mark(n, is_last);
                }
                self.units -= units;
                return true;
            }
            end = begin;
        }
        false
    }
}

/// What is last in a connection's offload queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// Nothing was ever posted.
    #[default]
    Empty,
    /// CLOSE_CON_REQ or ABORT_REQ: with the CPL that answers it nothing is left in the queue.
    Answered,
    /// Anything else: it may still be in the queue when the connection is over.
    Unanswered,
}

impl TxCreditPool {
    /// All of `total` units, as the card told (`FLOWC_BUFFIFO_SZ`), but no more than 256.
    #[must_use]
    pub fn new(total: u16) -> Self {
        let total = total.min(UNITS_MAX);
        Self {
            total,
            free: total,
            unasked: 0,
            outstanding: Outstanding::default(),
            tail: Tail::Empty,
        }
    }

    /// What was posted last.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
    }

    pub(crate) fn set_tail(&mut self, tail: Tail) {
        self.tail = tail;
    }

    /// Units for a work request; `None` when there are too few for now.
    #[must_use]
    pub fn take(&mut self, units: u8, purpose: Purpose) -> Option<TxCredits> {
        let reserve = match purpose {
            Purpose::Ordinary => ABORT_RESERVE,
            Purpose::Abort => 0,
        };
        if self.free < u16::from(units) + reserve {
            return None;
        }
        self.free -= u16::from(units);
        Some(TxCredits(units))
    }

    /// The work request was not posted after all.
    pub fn put_back(&mut self, credits: TxCredits) {
        self.free += u16::from(credits.into_units());
    }

    /// Whether the work request that takes `credits` shall ask for an answer (COMPL), the one place
    /// where that is decided: when the connection falls idle behind it; when few units are left and a
    /// quarter of all is out since the last time; when a longest work request no longer fits and no
    /// answer is under way, without which the wait for it would never end.
    #[must_use]
    pub fn wants_answer(&self, credits: &TxCredits, then: Then) -> bool {
        let unasked = self.unasked + u16::from(credits.0);
        let few_left = self.free <= self.total * 3 / 8 && unasked >= self.total / 4;
        let stuck_without = self.available() < WR_UNITS_MAX && unasked == self.outstanding();
        then == Then::Idle || few_left || stuck_without
    }

    /// The work request that took `credits` was posted, with or without COMPL.
    pub fn spend(&mut self, credits: TxCredits, answer_asked: bool) {
        let units = credits.into_units();
        self.unasked = if answer_asked { 0 } else { self.unasked + u16::from(units) };
        self.outstanding.push(units);
    }

    /// FW4_ACK gave `credits` units back: the oldest work requests are done. How many of them; or an
    /// error, and nothing changes, when the number is not the sum of whole ones.
    pub fn give_back(&mut self, credits: u8) -> Result<usize, BadAck> {
        let done = self.outstanding.whole(credits.into()).ok_or(BadAck { credits })?;
        self.outstanding.pop(credits.into());
        self.free += u16::from(credits);
        Ok(done)
    }

    /// FW4_ACK with CH gave the units of a channel change's FLOWC back: that work request alone, ahead of
    /// the payload posted before it, which the peer has still to acknowledge.
    pub fn give_back_change(&mut self, credits: u8) -> Result<(), BadAck> {
        if !self.outstanding.remove(credits.into()) {
            return Err(BadAck { credits });
        }
        self.free += u16::from(credits);
        Ok(())
    }

    /// Units that can be taken for anything.
    #[must_use]
    pub fn available(&self) -> u16 {
        self.free.saturating_sub(ABORT_RESERVE)
    }

    /// Units that the firmware has not given back.
    #[must_use]
    pub fn outstanding(&self) -> u16 {
        self.total - self.free
    }

    /// Work requests that the firmware has not given back.
    #[must_use]
    pub fn work_requests(&self) -> usize {
        self.outstanding.marks.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spend(pool: &mut TxCreditPool, units: u8, then: Then) -> bool {
        let credits = pool.take(units, Purpose::Ordinary).expect("enough");
        let asked = pool.wants_answer(&credits, then);
        pool.spend(credits, asked);
        asked
    }

    #[test]
    fn credits_come_back_in_order_by_whole_work_requests() {
        let mut pool = TxCreditPool::new(64);
        for units in [5, 3, 7] {
            spend(&mut pool, units, Then::More);
        }
        assert_eq!((pool.outstanding(), pool.work_requests()), (15, 3));
        assert_eq!(pool.give_back(0), Ok(0));
        assert_eq!(pool.give_back(8), Ok(2), "the first two");
        for wrong in [1, 6, 8, 255] {
            assert_eq!(pool.give_back(wrong), Err(BadAck { credits: wrong }));
            assert_eq!((pool.outstanding(), pool.work_requests()), (7, 1), "{wrong}");
        }
        assert_eq!(pool.give_back(7), Ok(1));
        assert_eq!(pool.outstanding(), 0);
        assert_eq!(pool.give_back(1), Err(BadAck { credits: 1 }));
    }

    #[test]
    fn a_channel_change_is_given_back_ahead_of_older_payload() {
        let mut pool = TxCreditPool::new(64);
        for units in [3, 3, 2] {
            spend(&mut pool, units, Then::More);
        }
        assert_eq!(pool.give_back_change(5), Err(BadAck { credits: 5 }));
        assert_eq!(pool.give_back_change(2), Ok(()));
        assert_eq!((pool.outstanding(), pool.work_requests()), (6, 2));
        assert_eq!(pool.give_back(6), Ok(2), "the payload, in order");
    }

    #[test]
    fn an_abort_and_its_answer_are_always_possible() {
        let mut pool = TxCreditPool::new(16);
        assert_eq!(pool.available(), 9);
        assert_eq!(pool.take(10, Purpose::Ordinary), None);
        spend(&mut pool, 9, Then::More);
        assert_eq!(pool.available(), 0);
        assert_eq!(pool.take(1, Purpose::Ordinary), None);
        for units in [2, 2, 3] {
            let credits = pool.take(units, Purpose::Abort).expect("the reserve");
            pool.spend(credits, false);
        }
        assert_eq!(pool.take(1, Purpose::Abort), None);
        assert_eq!(pool.outstanding(), 16);
    }

    #[test]
    fn an_answer_is_asked_for_at_a_quarter_when_few_are_left_and_when_idle() {
        let mut pool = TxCreditPool::new(256);
        let asked: Vec<bool> = (0..24).map(|_| spend(&mut pool, 10, Then::More)).collect();
        let at: Vec<usize> = (0..24).filter(|&n| asked[n]).collect();
        // Few is 96, a quarter is 64: after the sixteenth 96 are left and 160 are out; then every 70.
        assert_eq!(at, [15, 22]);
        let mut pool = TxCreditPool::new(256);
        assert!(!spend(&mut pool, 2, Then::More));
        assert!(spend(&mut pool, 2, Then::Idle));
        assert!(!spend(&mut pool, 2, Then::More));
    }

    #[test]
    fn nobody_waits_for_credits_without_an_answer_under_way() {
        let mut pool = TxCreditPool::new(64);
        // The next longest work request needs 32 of 57.
        assert!(!spend(&mut pool, 25, Then::More));
        assert!(spend(&mut pool, 1, Then::More), "31 are left");
        assert!(!spend(&mut pool, 1, Then::More), "one answer is enough");
        assert_eq!(pool.give_back(25 + 1), Ok(2));
        assert!(spend(&mut pool, 28, Then::More), "the one that was asked for has come");
    }

    #[test]
    fn what_was_not_posted_goes_back() {
        let mut pool = TxCreditPool::new(64);
        let credits = pool.take(10, Purpose::Ordinary).expect("enough");
        assert_eq!((credits.units(), pool.available()), (10, 47));
        pool.put_back(credits);
        assert_eq!((pool.available(), pool.work_requests()), (57, 0));
    }

    proptest! {
        #[test]
        fn whatever_is_outstanding_is_what_a_list_of_it_says(
            steps in prop::collection::vec((1_u8..=40, 0_u8..3, any::<u8>()), 0..300),
        ) {
            let mut ring = Outstanding::default();
            let mut list: Vec<u16> = Vec::new();
            for (units, kind, which) in steps {
                let all: u16 = list.iter().sum();
                match kind {
                    0 if all + u16::from(units) <= UNITS_MAX => {
                        ring.push(units);
                        list.push(units.into());
                    }
                    1 => {
                        let at = list.iter().rposition(|&known| known == units.into());
                        prop_assert_eq!(ring.remove(units.into()), at.is_some());
                        at.map(|at| list.remove(at));
                    }
                    _ => {
                        let done = usize::from(which) % (list.len() + 1);
                        let oldest = list.drain(..done).sum();
                        prop_assert_eq!(ring.whole(oldest), Some(done));
                        ring.pop(oldest);
                    }
                }
                let all = list.iter().sum();
                prop_assert_eq!((ring.units, ring.whole(all)), (all, Some(list.len())));
                let marks: u32 = ring.marks.iter().map(|word| word.count_ones()).sum();
                prop_assert_eq!(marks as usize, list.len());
            }
        }

        #[test]
        fn acknowledgements_that_a_card_makes_up_change_nothing(
            steps in prop::collection::vec((1_u8..=32, any::<u8>(), any::<bool>()), 0..200),
        ) {
            let mut pool = TxCreditPool::new(100);
            let mut out: Vec<u8> = Vec::new();
            for (units, made_up, idle) in steps {
                let then = if idle { Then::Idle } else { Then::More };
                if let Some(credits) = pool.take(units, Purpose::Ordinary) {
                    let asked = pool.wants_answer(&credits, then);
                    prop_assert!(asked || !idle);
                    pool.spend(credits, asked);
                    out.push(units);
                }
                // The sums of the oldest work requests, counted the plain way.
                let whole = (0..=out.len())
                    .find(|&n| out[..n].iter().map(|&u| u32::from(u)).sum::<u32>() == made_up.into());
                let expected = whole.ok_or(BadAck { credits: made_up });
                prop_assert_eq!(pool.give_back(made_up), expected);
                out.drain(..whole.unwrap_or(0));
                let held: u16 = out.iter().map(|&u| u16::from(u)).sum();
                prop_assert_eq!((pool.outstanding(), pool.work_requests()), (held, out.len()));
            }
        }
    }

    #[test]
    #[should_panic(expected = "neither spent nor returned")]
    fn losing_credits_is_a_bug() {
        drop(TxCreditPool::new(64).take(3, Purpose::Ordinary));
    }
}
