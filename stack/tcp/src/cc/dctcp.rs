//! Data Center TCP (RFC 8257): the window shrinks by how many bytes were marked, not by whether any were.

use super::reno::Reno;
use super::{AckSample, CongestionControl, Situation, Window};
use crate::SeqNum;
use serde::{Deserialize, Serialize};

/// DCTCP.Alpha of 1: all was marked.
const ONE: u32 = 1 << 20;

/// g is 1/16 (RFC 8257 4.2).
const GAIN_SHIFT: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dctcp {
    /// The part of the bytes that is marked, smoothed, in units of 2^-20.
    alpha: u32,
    /// Bytes acknowledged in this window of observation.
    acked: u32,
    /// Those of them whose ACK echoed a mark.
    marked: u32,
    /// The window ends when this is acknowledged; `None` before the first ACK.
    until: Option<SeqNum>,
    /// Growth, and what is done about losses.
    reno: Reno,
}

impl Dctcp {
    //= rfc8257#4.2 RFC8257-4.2-2
    /// Alpha starts at 1: the first echo halves, until more is known.
    pub(super) fn new() -> Self {
        let reno = Reno::new(CongestionControl::NewReno);
        Self { alpha: ONE, acked: 0, marked: 0, until: None, reno }
    }

    /// Whether a connection can have come to this.
    pub(super) fn is_sound(&self) -> bool {
        self.alpha <= ONE && self.marked <= self.acked && self.reno.is_sound()
    }

    /// `acked` bytes are acknowledged by an ACK that `echoes` a mark or not.
    ///
    //= rfc8257#3.3 RFC8257-3.3-1
    //= rfc8257#4.2 RFC8257-4.2-1
    pub(super) fn on_echo(&mut self, at: &Situation, acked: u32, echoes: bool) {
        self.acked = self.acked.saturating_add(acked);
        self.marked = self.marked.saturating_add(if echoes { acked } else { 0 });
        let until = *self.until.get_or_insert(at.max);
        if !at.una.at_or_after(until) || self.acked == 0 {
            return;
        }
        let part = (u64::from(self.marked) * u64::from(ONE) / u64::from(self.acked)) as u32;
        self.alpha = self.alpha - (self.alpha >> GAIN_SHIFT) + (part >> GAIN_SHIFT);
        (self.acked, self.marked, self.until) = (0, 0, Some(at.max));
    }

    //= rfc8257#3.4 RFC8257-3.4-1
    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        self.reno.on_ack(window, ack);
    }

    //= rfc8257#3.3 RFC8257-3.3-2
    pub(super) fn on_ecn(&mut self, window: &mut Window, at: &Situation) {
        let part = u64::from(window.cwnd) * u64::from(self.alpha) / u64::from(2 * ONE);
        window.reduce(window.cwnd - part as u32, at.mss);
    }

    //= rfc8257#3.5 RFC8257-3.5-1
    /// A loss is a loss.
    pub(super) fn on_loss(&mut self, window: &mut Window, at: &Situation) {
        self.reno.on_loss(window, at);
    }

    pub(super) fn on_timeout(&mut self, window: &mut Window, at: &Situation, again: bool) {
        self.reno.on_timeout(window, at, again);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MSS, ack, at};
    use super::*;

    /// A window of 10 segments, whose first `marked` are acknowledged with the echo.
    fn observe(dctcp: &mut Dctcp, from: u32, marked: u32) {
        for segment in 1..=10 {
            let una = SeqNum(from + segment * MSS);
            let now = Situation { una, max: SeqNum(from + 10 * MSS + segment * MSS), ..at(0) };
            dctcp.on_echo(&now, MSS, segment <= marked);
        }
    }

    /// The first ACK's window ends with what was sent by then, so each later one is 10 segments.
    fn flow() -> Dctcp {
        let mut dctcp = Dctcp::new();
        dctcp.on_echo(&Situation { una: SeqNum(0), max: SeqNum(10 * MSS), ..at(0) }, 0, false);
        dctcp
    }

    //= rfc8257#3.3 RFC8257-3.3-1
    //= rfc8257#4.2 RFC8257-4.2-1
    #[test]
    fn alpha_moves_by_a_sixteenth_towards_the_part_that_is_marked() {
        let mut dctcp = flow();
        observe(&mut dctcp, 0, 0);
        assert_eq!(dctcp.alpha, ONE / 16 * 15);
        // 15/16 * 15/16 + 1/16 * 4/10 is 0.90390625.
        observe(&mut dctcp, 10 * MSS, 4);
        let expected = (0.903_906_25 * f64::from(ONE)) as u32;
        assert!(dctcp.alpha.abs_diff(expected) <= 2, "{} is not {expected}", dctcp.alpha);
    }

    #[test]
    fn all_marked_stays_all_marked_and_none_becomes_none() {
        let mut dctcp = flow();
        for window in 0..10 {
            observe(&mut dctcp, window * 10 * MSS, 10);
        }
        assert_eq!(dctcp.alpha, ONE);
        for window in 10..300 {
            observe(&mut dctcp, window * 10 * MSS, 0);
        }
        assert!(dctcp.alpha < 16, "{}", dctcp.alpha);
    }

    //= rfc8257#3.4 RFC8257-3.4-1
    #[test]
    fn the_window_grows_as_reno_s() {
        let mut window = Window { cwnd: 10 * MSS, ssthresh: 12 * MSS };
        let mut dctcp = Dctcp::new();
        dctcp.on_ack(&mut window, &ack(6 * MSS));
        assert_eq!(window.cwnd, 12 * MSS, "slow start, up to the threshold");
        dctcp.on_ack(&mut window, &ack(7 * MSS));
        assert_eq!(window.cwnd, 12 * MSS, "11 segments of 12");
        dctcp.on_ack(&mut window, &ack(MSS));
        assert_eq!(window.cwnd, 13 * MSS);
    }

    //= rfc8257#3.3 RFC8257-3.3-2
    //= rfc8257#3.5 RFC8257-3.5-1
    //= rfc8257#4.2 RFC8257-4.2-2
    #[test]
    fn the_window_shrinks_by_half_of_alpha() {
        let mut window = Window { cwnd: 100 * MSS, ssthresh: 100 * MSS };
        let mut dctcp = Dctcp { alpha: ONE / 4, ..Dctcp::new() };
        dctcp.on_ecn(&mut window, &at(100 * MSS));
        assert_eq!(window, Window { cwnd: 87_500, ssthresh: 87_500 });
        Dctcp::new().on_ecn(&mut window, &at(0));
        assert_eq!(window.cwnd, 43_750, "nothing known: half");
        dctcp.on_loss(&mut window, &at(43_750));
        assert_eq!(window.cwnd, 21_875, "a loss halves");
    }
}
