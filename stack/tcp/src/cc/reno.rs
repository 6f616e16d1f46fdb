//! Reno, NewReno and Tahoe (RFC 5681).

use super::{AckSample, CongestionControl, Credit, Situation, Window};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reno {
    /// Which of the three.
    algorithm: CongestionControl,
    /// Towards the next segment that congestion avoidance adds.
    credit: Credit,
}

impl Reno {
    pub(super) fn new(algorithm: CongestionControl) -> Self {
        Self { algorithm, credit: Credit::NONE }
    }

    /// Whether a connection can have come to this.
    pub(super) fn is_sound(&self) -> bool {
        use CongestionControl::{NewReno, Reno, Tahoe};
        matches!(self.algorithm, Reno | Tahoe | NewReno)
    }

    pub(super) fn algorithm(&self) -> CongestionControl {
        self.algorithm
    }

    pub(super) fn credit(&self) -> u32 {
        self.credit.0
    }

    pub(super) fn set_credit(&mut self, credit: u32) {
        self.credit = Credit(credit);
    }

    //= rfc5681#3.1 RFC5681-3.1-1 RFC5681-3.1-5
    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        let acked = window.slow_start(ack.delivered);
        // Congestion avoidance: a segment more for each window of bytes acknowledged.
        window.grow(self.credit.add(acked, window.cwnd).saturating_mul(ack.at.mss));
    }

    /// An echo of congestion: nothing is lost, so Tahoe does not start over either.
    pub(super) fn on_ecn(&mut self, window: &mut Window, at: &Situation) {
        window.reduce(window.cwnd / 2, at.mss);
        self.credit = Credit::NONE;
    }

    //= rfc5681#3.2 RFC5681-3.2-4
    pub(super) fn on_loss(&mut self, window: &mut Window, at: &Situation) {
        window.reduce(at.flight.min(window.cwnd) / 2, at.mss);
        if self.algorithm == CongestionControl::Tahoe {
            window.cwnd = at.mss;
        }
        self.credit = Credit::NONE;
    }

    //= rfc5681#3.1 RFC5681-3.1-6 RFC5681-3.1-7 RFC5681-3.1-8
    /// The threshold of repeated timeouts is the first one's.
    pub(super) fn on_timeout(&mut self, window: &mut Window, at: &Situation, again: bool) {
        if !again {
            window.reduce(at.flight.min(window.cwnd) / 2, at.mss);
        }
        window.cwnd = at.mss;
        self.credit = Credit::NONE;
    }
}
