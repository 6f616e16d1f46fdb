//! What is asked of a plan.

use mafo::{ControlKind, Mode};

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

    /// Whether all links carry.
    #[must_use]
    pub fn is_xor(&self) -> bool {
        self.mode == Mode::BalanceXor
    }
}
