//! Filters: frames picked by header and sent to the host, to a queue, to a wire or nowhere.
//!
//! A filter is in force when the answer to its work request has come, and gone when the answer to its
//! deletion has. Either can be asked for again ([`Filters::again`]).

use mafo_mem::Full;
use mafo_t4::cpl::SetTcbRpl;
use mafo_t4::wr::{FilterCookie, FwFilterWr, len16};
use mafo_t4::{Ftid, IqId};

use crate::sge::Eq;
use crate::tid::FtidTable;

mafo_mem::counters! {
    /// What the filters counted.
    pub struct FilterCounters {
        /// Additions posted.
        adds,
        /// Deletions posted.
        deletes,
        /// Either of them posted again, since no answer came in time.
        asked_again,
        /// Requests that the card refused.
        refused,
        /// Answers to nothing.
        unexpected_replies,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Adding,
    Active,
    Deleting {
        /// It may be gone already.
        again: bool,
    },
}

/// An lcore's share of the filters.
#[derive(Debug)]
pub struct Filters {
    table: FtidTable<State>,
    counters: FilterCounters,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterEvent {
    /// The filter is in force.
    Added(Ftid),
    /// The filter is gone.
    Deleted(Ftid),
    /// The card refused the filter: there is none.
    NotAdded(Ftid, FilterCookie),
    /// The card refused the deletion: the filter stays in force.
    NotDeleted(Ftid, FilterCookie),
}

/// A filter was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// All of the lcore's filters are in use.
    #[error("no filter is free")]
    TableFull,
    /// The control queue is full for now.
    #[error("the control queue is full")]
    RingFull,
    /// The filter is not in force.
    #[error("{0:?} is not in force")]
    NotActive(Ftid),
}

impl From<Full> for FilterError {
    fn from(_: Full) -> Self {
        Self::RingFull
    }
}

impl Filters {
    /// The filters `range`, as the card told.
    #[must_use]
    pub fn new(range: std::ops::Range<u32>) -> Self {
        Self { table: FtidTable::new(range), counters: FilterCounters::new() }
    }

    /// Adds a filter: `build` completes the work request that names it, which matches everything and
    /// does nothing. The answer comes to queue `reply_to`, for [`Filters::on_reply`].
    pub fn add(
        &mut self,
        ctrl: &mut Eq,
        reply_to: IqId,
        build: impl FnOnce(FwFilterWr) -> FwFilterWr,
    ) -> Result<Ftid, FilterError> {
        let ftid = self.table.insert(State::Adding).ok_or(FilterError::TableFull)?;
        let posted = post(ctrl, &build(FwFilterWr::new(ftid, reply_to)));
        if let Err(full) = posted {
            self.table.remove(ftid);
            return Err(full.into());
        }
        self.counters.adds += 1;
        Ok(ftid)
    }

    /// Deletes a filter that is in force.
    pub fn delete(&mut self, ctrl: &mut Eq, reply_to: IqId, ftid: Ftid) -> Result<(), FilterError> {
        match self.table.get_mut(ftid) {
            Some(state @ State::Active) => {
                post(ctrl, &FwFilterWr::delete(ftid, reply_to))?;
                *state = State::Deleting { again: false };
                self.counters.deletes += 1;
                Ok(())
            }
            _ => Err(FilterError::NotActive(ftid)),
        }
    }

    /// Posts once more what of a filter is not answered, by the same `build`.
    pub fn again(
        &mut self,
        ctrl: &mut Eq,
        reply_to: IqId,
        ftid: Ftid,
        build: impl FnOnce(FwFilterWr) -> FwFilterWr,
    ) -> Result<(), Full> {
        match self.table.get_mut(ftid) {
            // The firmware writes the entry whatever it held.
            Some(State::Adding) => post(ctrl, &build(FwFilterWr::new(ftid, reply_to)))?,
            Some(State::Deleting { again }) => {
                post(ctrl, &FwFilterWr::delete(ftid, reply_to))?;
                *again = true;
            }
            Some(State::Active) | None => return Ok(()),
        }
        self.counters.asked_again += 1;
        Ok(())
    }

    /// Takes an answer: a SET_TCB_RPL whose tid is one of ours. `None`, counted, when nothing waits for it.
    pub fn on_reply(&mut self, reply: &SetTcbRpl) -> Option<FilterEvent> {
        // The tid field of the reply is the ftid [cxgbe_filter.c cxgbe_filter_rpl].
        let ftid = Ftid(reply.tid().0);
        let outcome = reply.filter_cookie();
        let event = match (self.table.get_mut(ftid), outcome) {
            (Some(state @ State::Adding), FilterCookie::FLT_ADDED) => {
                *state = State::Active;
                FilterEvent::Added(ftid)
            }
            (Some(State::Deleting { .. }), FilterCookie::FLT_DELETED)
            | (Some(State::Deleting { again: true }), FilterCookie::EINVAL) => {
                self.table.remove(ftid);
                FilterEvent::Deleted(ftid)
            }
            (Some(State::Adding), FilterCookie::SMT_TBL_FULL | FilterCookie::EINVAL) => {
                self.table.remove(ftid);
                self.counters.refused += 1;
                FilterEvent::NotAdded(ftid, outcome)
            }
            (Some(state @ State::Deleting { again: false }), FilterCookie::EINVAL) => {
                *state = State::Active;
                self.counters.refused += 1;
                FilterEvent::NotDeleted(ftid, outcome)
            }
            _ => {
                self.counters.unexpected_replies += 1;
                return None;
            }
        };
        Some(event)
    }

    /// Whether `ftid` is one of ours: a SET_TCB_RPL with that tid is for [`Filters::on_reply`].
    #[must_use]
    pub fn owns(&self, ftid: Ftid) -> bool {
        self.table.get(ftid).is_some()
    }

    /// Whether the filter is in force.
    #[must_use]
    pub fn is_active(&self, ftid: Ftid) -> bool {
        self.table.get(ftid) == Some(&State::Active)
    }

    /// Whether an answer about `ftid` is still to come.
    #[must_use]
    pub fn is_asked(&self, ftid: Ftid) -> bool {
        matches!(self.table.get(ftid), Some(State::Adding | State::Deleting { .. }))
    }

    /// Filters that are in force or on their way. Not 0 at the end: one was not deleted.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.table.in_use()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> FilterCounters {
        self.counters
    }
}

fn post(ctrl: &mut Eq, wr: &FwFilterWr) -> Result<(), Full> {
    let mut slot = ctrl.reserve(len16(FwFilterWr::SIZE) as u8).ok_or(Full)?;
    slot.put(wr);
    slot.post();
    Ok(())
}

#[cfg(test)]
mod tests {
    use mafo_t4::Tid;
    use mafo_t4::cpl::TcbCookie;
    use mafo_t4::wr::FilterMatch;
    use proptest::prelude::*;

    use super::*;
    use crate::tests::queue::{egress, words};

    const IQ: IqId = IqId(0x109);

    fn reply(tid: u32, cookie: u8) -> SetTcbRpl {
        SetTcbRpl::new(Tid(tid)).with_cookie(TcbCookie(0).with_cookie(cookie))
    }

    #[test]
    fn a_filter_comes_into_force_and_goes() {
        let (mut ctrl, mut card) = egress();
        let mut filters = Filters::new(100..102);
        let loopback = FilterMatch(0).with_port(6).with_portm(7);
        let ftid = filters.add(&mut ctrl, IQ, |wr| wr.with_matches(loopback)).expect("room");
        assert_eq!(ftid, Ftid(100));
        let wr = card.take();
        // FILTER (2), 128 bytes: ftid 31:12; reply queue; ingress port 6 (11:9) under mask 7 (8:6).
        assert_eq!(wr[..8], words(&[0x0200_0000, 8]));
        assert_eq!(wr[16..36], words(&[100 << 12, 0, 0, 0x0000_0109, 6 << 9 | 7 << 6]));
        assert_eq!(wr.len(), 128);
        assert!(!filters.is_active(ftid) && filters.owns(ftid));
        let early = filters.delete(&mut ctrl, IQ, ftid);
        assert_eq!(early, Err(FilterError::NotActive(ftid)));

        assert_eq!(filters.on_reply(&reply(100, 1)), Some(FilterEvent::Added(ftid)));
        assert!(filters.is_active(ftid));
        filters.delete(&mut ctrl, IQ, ftid).expect("in force");
        // DEL b31.
        assert_eq!(card.take()[16..32], words(&[100 << 12, 1 << 31, 0, 0x0000_0109]));
        assert_eq!(filters.in_use(), 1, "until the answer comes");
        assert_eq!(filters.on_reply(&reply(100, 2)), Some(FilterEvent::Deleted(ftid)));
        assert_eq!(filters.in_use(), 0);
        let counters = FilterCounters { adds: 1, deletes: 1, ..FilterCounters::new() };
        assert_eq!(filters.counters(), counters);
    }

    #[test]
    fn a_refused_filter_is_gone_and_a_refused_deletion_changes_nothing() {
        let (mut ctrl, _) = egress();
        let mut filters = Filters::new(0..4);
        for cookie in [FilterCookie::SMT_TBL_FULL, FilterCookie::EINVAL] {
            let ftid = filters.add(&mut ctrl, IQ, |wr| wr).expect("room");
            let event = filters.on_reply(&reply(ftid.0, cookie.0));
            assert_eq!(event, Some(FilterEvent::NotAdded(ftid, cookie)));
            assert_eq!(filters.in_use(), 0);
        }
        let ftid = filters.add(&mut ctrl, IQ, |wr| wr).expect("room");
        filters.on_reply(&reply(ftid.0, 1)).expect("added");
        filters.delete(&mut ctrl, IQ, ftid).expect("in force");
        let event = filters.on_reply(&reply(ftid.0, 4));
        assert_eq!(event, Some(FilterEvent::NotDeleted(ftid, FilterCookie::EINVAL)));
        assert!(filters.is_active(ftid));
        assert_eq!(filters.counters().refused, 3);
    }

    #[test]
    fn what_is_not_answered_is_asked_again() {
        let (mut ctrl, mut card) = egress();
        let mut filters = Filters::new(100..102);
        let loopback = |wr: FwFilterWr| wr.with_matches(FilterMatch(0).with_port(6).with_portm(7));
        let ftid = filters.add(&mut ctrl, IQ, loopback).expect("room");
        let added = card.take();
        assert!(filters.is_asked(ftid));
        filters.again(&mut ctrl, IQ, ftid, loopback).expect("room");
        assert_eq!(card.take(), added);
        assert_eq!(filters.on_reply(&reply(100, 1)), Some(FilterEvent::Added(ftid)));
        assert_eq!(filters.on_reply(&reply(100, 1)), None, "twice");
        assert!(!filters.is_asked(ftid));
        filters.delete(&mut ctrl, IQ, ftid).expect("in force");
        let deleted = card.take();
        filters.again(&mut ctrl, IQ, ftid, loopback).expect("room");
        assert_eq!(card.take(), deleted);
        // It was gone already.
        assert_eq!(filters.on_reply(&reply(100, 4)), Some(FilterEvent::Deleted(ftid)));
        assert_eq!((filters.in_use(), filters.counters().asked_again), (0, 2));
    }

    #[test]
    fn a_full_table_and_a_full_ring_are_told_apart() {
        let (mut ctrl, _) = egress();
        let mut filters = Filters::new(0..2);
        for _ in 0..2 {
            filters.add(&mut ctrl, IQ, |wr| wr).expect("room");
        }
        assert_eq!(filters.add(&mut ctrl, IQ, |wr| wr), Err(FilterError::TableFull));
        let mut many = Filters::new(0..1000);
        let error = (0..1000).find_map(|_| many.add(&mut ctrl, IQ, |wr| wr).err());
        assert_eq!(error, Some(FilterError::RingFull));
        // 64 units, one of them free, two a filter; two filters went before.
        assert_eq!(many.in_use(), 63 / 2 - 2, "the refused one holds no position");
    }

    /// Tids, mostly those of the four filters below and their neighbours.
    fn near_the_range() -> impl Strategy<Value = u32> {
        prop_oneof![8 => 48_u32..56, 1 => 0_u32..0x100_0000]
    }

    proptest! {
        #[test]
        fn answers_that_a_card_makes_up_are_counted(
            answers in prop::collection::vec((near_the_range(), 0_u8..8), 0..100),
        ) {
            let (mut ctrl, _) = egress();
            let mut filters = Filters::new(50..54);
            let waiting = filters.add(&mut ctrl, IQ, |wr| wr).expect("room");
            let active = filters.add(&mut ctrl, IQ, |wr| wr).expect("room");
            filters.on_reply(&reply(active.0, 1)).expect("added");
            let mut unexpected = 0;
            for (tid, cookie) in answers {
                let about_waiting = Ftid(tid) == waiting && matches!(cookie, 1 | 3 | 4);
                if about_waiting {
                    continue;
                }
                unexpected += 1;
                prop_assert_eq!(filters.on_reply(&reply(tid, cookie)), None);
                prop_assert_eq!(filters.counters().unexpected_replies, unexpected);
            }
            prop_assert!(filters.is_active(active) && filters.owns(waiting));
            prop_assert_eq!(filters.in_use(), 2);
        }
    }
}
