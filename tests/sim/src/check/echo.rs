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
    /// Behind the last of these bytes.
    end: Option<i64>,
    echoed: VecDeque<(Nanos, u32)>,
}

impl Heard {
    /// Bytes that end at `end` came in order, unless they come once more: their owner may have taken them the first time.
    pub(super) fn offer(&mut self, stamp: u32, end: i64) {
        if self.end.is_some_and(|before| end <= before) {
            return;
        }
        self.end = Some(end);
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

/// Whether a timestamp is later than another (RFC 7323, 5.2).
pub(super) fn is_newer(stamp: u32, last: u32) -> bool {
    stamp.wrapping_sub(last) as i32 > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Nanos = Nanos::from_secs(2);

    fn heard(offers: &[(u32, i64)], echoed: u32) -> Option<u32> {
        let mut heard = Heard::default();
        for &(stamp, end) in offers {
            heard.offer(stamp, end);
        }
        heard.echo(Nanos::from_secs(1), echoed);
        heard.survive(LATER)
    }

    #[test]
    fn what_was_echoed_long_ago_survives() {
        assert_eq!(heard(&[(5, 100), (6, 200), (8, 300)], 7), Some(6));
        assert_eq!(heard(&[(5, 100)], 4), None);
    }

    #[test]
    fn what_comes_twice_leaves_no_trace() {
        assert_eq!(heard(&[(5, 100), (6, 200), (8, 100), (9, 200)], 9), Some(6));
    }

    #[test]
    fn what_was_echoed_a_moment_ago_may_die() {
        let mut heard = Heard::default();
        heard.offer(5, 100);
        heard.echo(LATER - SAMPLED, 5);
        heard.offer(6, 200);
        heard.echo(LATER - SAMPLED + Nanos(1), 6);
        assert_eq!(heard.survive(LATER), Some(5));
    }
}
