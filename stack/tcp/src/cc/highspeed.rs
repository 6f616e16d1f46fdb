//! HighSpeed TCP (RFC 3649): Reno, but for windows beyond 38 segments with larger steps up and smaller ones
//! down. T5's congestion table has its shape.

use super::{AckSample, Credit, Situation, Window};
use serde::{Deserialize, Serialize};

/// RFC 3649 appendix B. Row i: from this many segments on, a round trip adds i + 1 of them; and a loss
/// takes this many hundredths of the window.
const TABLE: [(u32, u32); 73] = [
    (38, 50),
    (118, 44),
    (221, 41),
    (347, 38),
    (495, 37),
    (663, 35),
    (851, 34),
    (1058, 33),
    (1284, 32),
    (1529, 31),
    (1793, 30),
    (2076, 29),
    (2378, 28),
    (2699, 28),
    (3039, 27),
    (3399, 27),
    (3778, 26),
    (4177, 26),
    (4596, 25),
    (5036, 25),
    (5497, 24),
    (5979, 24),
    (6483, 23),
    (7009, 23),
    (7558, 22),
    (8130, 22),
    (8726, 22),
    (9346, 21),
    (9991, 21),
    (10661, 21),
    (11358, 20),
    (12082, 20),
    (12834, 20),
    (13614, 19),
    (14424, 19),
    (15265, 19),
    (16137, 19),
    (17042, 18),
    (17981, 18),
    (18955, 18),
    (19965, 17),
    (21013, 17),
    (22101, 17),
    (23230, 17),
    (24402, 16),
    (25618, 16),
    (26881, 16),
    (28193, 16),
    (29557, 15),
    (30975, 15),
    (32450, 15),
    (33986, 15),
    (35586, 14),
    (37253, 14),
    (38992, 14),
    (40808, 14),
    (42707, 13),
    (44694, 13),
    (46776, 13),
    (48961, 13),
    (51258, 13),
    (53677, 12),
    (56230, 12),
    (58932, 12),
    (61799, 12),
    (64851, 11),
    (68113, 11),
    (71617, 11),
    (75401, 10),
    (79517, 10),
    (84035, 10),
    (89053, 10),
    (94717, 9),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HighSpeed {
    /// Towards the next segment that congestion avoidance adds.
    credit: Credit,
}

impl HighSpeed {
    pub(super) fn new() -> Self {
        Self { credit: Credit::NONE }
    }

    /// The row of the table for a window: a(w), and b(w) in hundredths.
    //= rfc3649#5 RFC3649-5-1 RFC3649-5-2
    fn steps(window: &Window, mss: u32) -> (u32, u32) {
        let segments = window.cwnd / mss;
        let row = TABLE.partition_point(|&(from, _)| from <= segments).saturating_sub(1);
        (row as u32 + 1, TABLE[row].1)
    }

    //= rfc3649#5
    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        let (mss, acked) = (ack.at.mss, window.slow_start(ack.delivered));
        let (increase, _) = Self::steps(window, mss);
        let segments = self.credit.add(acked, window.cwnd / increase);
        window.grow(segments.saturating_mul(mss));
    }

    //= rfc3649#5
    pub(super) fn on_loss(&mut self, window: &mut Window, at: &Situation) {
        let (_, decrease) = Self::steps(window, at.mss);
        let used = u64::from(at.flight.min(window.cwnd));
        window.reduce((used * u64::from(100 - decrease) / 100) as u32, at.mss);
        self.credit = Credit::NONE;
    }

    /// The threshold of repeated timeouts is the first one's.
    pub(super) fn on_timeout(&mut self, window: &mut Window, at: &Situation, again: bool) {
        if !again {
            self.on_loss(window, at);
        }
        window.cwnd = at.mss;
        self.credit = Credit::NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MSS, ack, at};
    use super::*;

    /// RFC 3649 5: from p(w) = 0.078 / w^1.2, with b(w) falling from 0.5 at 38 segments to 0.1 at 83000
    /// by the logarithm of w, a(w) = 2 w^2 p(w) b(w) / (2 - b(w)).
    #[test]
    fn the_table_is_what_the_formulas_give() {
        for (row, &(segments, hundredths)) in TABLE.iter().enumerate() {
            let w = f64::from(segments);
            let b = 0.5 - 0.4 * (w / 38.0).ln() / (83_000.0_f64 / 38.0).ln();
            let a = 2.0 * w.powf(0.8) * 0.078 * b / (2.0 - b);
            assert!((b * 100.0 - f64::from(hundredths)).abs() <= 0.501, "b({segments}) is {b}");
            assert!((a - (row + 1) as f64).abs() < 0.05, "a({segments}) is {a}");
        }
    }

    fn after_acks_of_a_window(segments: u32) -> u32 {
        let mut highspeed = HighSpeed::new();
        let mut window = Window { cwnd: segments * MSS, ssthresh: segments * MSS };
        for _ in 0..segments {
            highspeed.on_ack(&mut window, &ack(MSS));
        }
        window.cwnd / MSS
    }

    //= rfc3649#5 RFC3649-5-1
    #[test]
    fn small_windows_are_renos() {
        assert_eq!(after_acks_of_a_window(20), 21);
        assert_eq!(after_acks_of_a_window(100), 101);
        let mut window = Window { cwnd: 20 * MSS, ssthresh: 20 * MSS };
        HighSpeed::new().on_loss(&mut window, &at(20 * MSS));
        assert_eq!((window.cwnd, window.ssthresh), (10 * MSS, 10 * MSS));
    }

    //= rfc3649#5 RFC3649-5-2
    #[test]
    fn large_windows_take_larger_steps_up_and_smaller_ones_down() {
        // a(1058) is 8, a(10661) is 30.
        let grown = after_acks_of_a_window(1058);
        assert!((1065..=1066).contains(&grown), "{grown}");
        let grown = after_acks_of_a_window(10_700);
        assert!((10_729..=10_730).contains(&grown), "{grown}");
        let mut window = Window { cwnd: 1058 * MSS, ssthresh: 1058 * MSS };
        HighSpeed::new().on_loss(&mut window, &at(1058 * MSS));
        assert_eq!(window.cwnd, 1058 * 67 * MSS / 100, "b(1058) is 0.33");
    }

    #[test]
    fn a_timeout_starts_over() {
        let mut highspeed = HighSpeed::new();
        let mut window = Window { cwnd: 1058 * MSS, ssthresh: 1058 * MSS };
        highspeed.on_timeout(&mut window, &at(1058 * MSS), false);
        let ssthresh = 1058 * 67 * MSS / 100;
        assert_eq!(window, Window { cwnd: MSS, ssthresh });
        highspeed.on_timeout(&mut window, &at(MSS), true);
        assert_eq!(window, Window { cwnd: MSS, ssthresh });
    }
}
