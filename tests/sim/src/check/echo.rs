//! What a host is to echo after the death of an adapter: what that had heard last died with it, but not all that it had
//! ever heard. The host samples the TCB of each connection on which something happens, soon.

use std::collections::VecDeque;

use mafo_mem::Nanos;

/// By when a connection has been sampled on which bytes have come: one is a millisecond, unless it is between two owners.
const SAMPLED: Nanos = Nanos::from_millis(200);
/// Of how many timestamps it is known when they came.
const LOG: usize = 512;

/// Whether a host knows what it is to echo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Echo {
    #[default]
    Known,
    /// It died with the owner, whose last frames may still leave.
    Lost,
    /// There is another owner since.
    ToBeLearnt,
}

/// Timestamps of a peer, and when they came.
#[derive(Debug, Default)]
pub(super) struct Heard(VecDeque<(Nanos, u32)>);

impl Heard {
    pub(super) fn note(&mut self, at: Nanos, stamp: u32) {
        let is_newer = |&(_, last): &(Nanos, u32)| stamp.wrapping_sub(last) as i32 > 0;
        if self.0.back().is_none_or(is_newer) {
            if self.0.len() == LOG {
                self.0.pop_front();
            }
            self.0.push_back((at, stamp));
        }
    }

    /// The latest that has been sampled by `at`, when all others die.
    pub(super) fn survive(&mut self, at: Nanos) -> Option<u32> {
        let sampled = self.0.iter().rev().find(|(heard, _)| at - *heard >= SAMPLED).copied();
        self.0.clear();
        self.0.extend(sampled);
        sampled.map(|(_, stamp)| stamp)
    }
}
