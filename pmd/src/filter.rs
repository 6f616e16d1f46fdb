//! Filters: frames picked by header and sent to the host, to a queue, to a wire or nowhere.
//!
//! A filter is in force when the answer to its work request has come, and gone when the answer to its
//! deletion has.

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
    Deleting,
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
                *state = State::Deleting;
                self.counters.deletes += 1;
                Ok(())
            }
            _ => Err(FilterError::NotActive(ftid)),
        }
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
            (Some(State::Deleting), FilterCookie::FLT_DELETED) => {
                self.table.remove(ftid);
                FilterEvent::Deleted(ftid)
            }
            (Some(State::Adding), FilterCookie::SMT_TBL_FULL | FilterCookie::EINVAL) => {
                self.table.remove(ftid);
                self.counters.refused += 1;
                FilterEvent::NotAdded(ftid, outcome)
            }
            (Some(state @ State::Deleting), FilterCookie::EINVAL) => {
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
