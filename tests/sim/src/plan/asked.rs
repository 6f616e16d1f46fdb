//! What is asked of a plan.

use mafo::{ControlKind, Mode, Nanos};

use super::Plan;

impl Plan {
    /// Polls by which anything may be late.
    #[must_use]
    pub fn latest(&self) -> u32 {
        let both = self.late_polls.iter().zip(self.late_ethernet);
        both.map(|(late, more)| late + more).max().unwrap_or(0)
    }

    /// Whether adapters may refuse to write next hops.
    #[must_use]
    pub fn refuses_hops(&self) -> bool {
        let [_, _, _, refused] = self.mishaps.chances;
        refused > 0 && self.mishaps.only.is_none_or(|only| only == ControlKind::L2t)
    }

    /// Polls by which an answer, and what is behind it in its queue, may be later than all else.
    #[must_use]
    pub fn answers_late(&self) -> u32 {
        let [_, _, late, _] = self.mishaps.chances;
        if late == 0 { 0 } else { self.mishaps.late_max.0.div_ceil(self.tick.0) as u32 }
    }

    /// For how long a new owner may not hold what the peer was told is here. Before it believes that it was dropped, Linux
    /// waits 10 ms (tcp_check_sack_reneging); the slowest cards here need longer for a question and an answer. Where
    /// questions about its record are not answered the fourth one comes 140 ms behind the first, and the peer's timer of 200 ms
    /// may be ahead of it.
    #[must_use]
    pub fn gaps_last(&self) -> Nanos {
        let [lost, _, _, refused] = self.mishaps.chances;
        let of_records = self.mishaps.only.is_none_or(|only| only == ControlKind::GetTcb);
        Nanos::from_millis(if of_records && lost + refused > 0 { 400 } else { 50 })
    }

    /// Whether all links carry.
    #[must_use]
    pub fn is_xor(&self) -> bool {
        self.mode == Mode::BalanceXor
    }
}
