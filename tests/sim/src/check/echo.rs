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

/// Timestamps of a peer's bytes, and when they were echoed. What was on the cable may have been dropped behind it, and
/// what was taken may have come twice, which leaves no trace (RFC 7323, 5.3): but what an owner echoes it knows.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Those of bytes that came in order, not echoed yet.
    offered: VecDeque<u32>,
    echoed: VecDeque<(Nanos, u32)>,
}

impl Heard {
    /// Bytes came in order.
    pub(super) fn offer(&mut self, stamp: u32) {
        if self.offered.back().is_none_or(|&last| is_newer(stamp, last)) {
            if self.offered.len() == LOG {
                self.offered.pop_front();
            }
            self.offered.push_back(stamp);
        }
    }

    /// The owner has echoed `stamp`.
    pub(super) fn echo(&mut self, at: Nanos, stamp: u32) {
        let known = self.offered.iter().take_while(|&&offered| !is_newer(offered, stamp)).count();
        let Some(latest) = self.offered.drain(..known).next_back() else { return };
        if self.echoed.len() == LOG {
            self.echoed.pop_front();
        }
        self.echoed.push_back((at, latest));
    }

    /// The latest that has been sampled by `at`, when all others die.
    pub(super) fn survive(&mut self, at: Nanos) -> Option<u32> {
        let sampled = self.echoed.iter().rev().find(|(echoed, _)| at - *echoed >= SAMPLED).copied();
        self.offered.clear();
        self.echoed.clear();
        self.echoed.extend(sampled);
        sampled.map(|(_, stamp)| stamp)
    }
}

fn is_newer(stamp: u32, last: u32) -> bool {
    stamp.wrapping_sub(last) as i32 > 0
}
