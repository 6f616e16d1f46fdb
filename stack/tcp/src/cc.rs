//! Congestion control: how many bytes may be in the network.
//!
//! Loss recovery (what to send again) is elsewhere; it tells this module of acknowledgments, losses,
//! timeouts and idle times, and reads `cwnd`. An algorithm is a variant of [`CongestionControl`] and an
//! arm in each `on_*`.

/// Which algorithm moves the congestion window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CongestionControl {
    /// Slow start and additive increase, halving on loss (RFC 5681).
    #[default]
    NewReno,
}

/// Windows wider than this are of no use: T5's fields have 28 bits.
const CWND_MAX: u32 = (1 << 28) - 1;

/// The congestion window of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Congestion {
    algorithm: CongestionControl,
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged since `cwnd` last grew in congestion avoidance.
    credit: u32,
    /// Whether `cwnd`, and nothing else, stopped the sender when it last stopped.
    limited: bool,
}

impl Congestion {
    //= rfc6928#2
    pub(crate) fn new(algorithm: CongestionControl, mss: u32, segments: u8) -> Self {
        let cwnd = u32::from(segments.max(1)) * mss;
        Self { algorithm, cwnd, ssthresh: CWND_MAX, credit: 0, limited: false }
    }

    pub(crate) fn cwnd(&self) -> u32 {
        self.cwnd
    }

    pub(crate) fn algorithm(&self) -> CongestionControl {
        self.algorithm
    }

    /// Whether the sender stopped for want of `cwnd`. A window that was not used proves nothing about
    /// the path, so it does not grow (RFC 7661 1.2).
    pub(crate) fn set_limited(&mut self, limited: bool) {
        self.limited = limited;
    }

    /// `acked` bytes have left the network, in sequence.
    ///
    //= rfc5681#3.1
    pub(crate) fn on_ack(&mut self, acked: u32, mss: u32) {
        if !self.limited {
            return;
        }
        let CongestionControl::NewReno = self.algorithm;
        let slow_start = acked.min(self.ssthresh.saturating_sub(self.cwnd));
        self.cwnd = (self.cwnd + slow_start).min(CWND_MAX);
        self.credit = self.credit.saturating_add(acked - slow_start);
        if self.credit >= self.cwnd {
            self.credit -= self.cwnd;
            self.cwnd = (self.cwnd + mss).min(CWND_MAX);
        }
    }

    /// Fast recovery begins, with `flight` bytes outstanding.
    ///
    //= rfc5681#3.2
    pub(crate) fn on_loss(&mut self, flight: u32, mss: u32) {
        self.ssthresh = self.reduced(flight, mss);
        self.cwnd = self.ssthresh;
        self.credit = 0;
    }

    /// The retransmission timer ran out; `again` when nothing came through since it last did.
    ///
    //= rfc5681#3.1
    pub(crate) fn on_timeout(&mut self, flight: u32, mss: u32, again: bool) {
        if !again {
            self.ssthresh = self.reduced(flight, mss);
        }
        self.cwnd = mss;
        self.credit = 0;
    }

    fn reduced(&self, flight: u32, mss: u32) -> u32 {
        let CongestionControl::NewReno = self.algorithm;
        (flight.min(self.cwnd) / 2).max(2 * mss)
    }

    /// Nothing was sent for longer than a retransmission timeout.
    ///
    //= rfc5681#4.1
    pub(crate) fn on_idle(&mut self, mss: u32, initial_segments: u8) {
        self.cwnd = self.cwnd.min(u32::from(initial_segments.max(1)) * mss);
    }

    /// `cwnd`, `ssthresh`, credit, and whether the window limits.
    pub(crate) fn parts(&self) -> (u32, u32, u32, bool) {
        let Self { algorithm: _, cwnd, ssthresh, credit, limited } = *self;
        (cwnd, ssthresh, credit, limited)
    }

    /// Goes on where another connection stood. A window below a segment lets one out when nothing is in
    /// flight, so that even a nonsensical one recovers.
    pub(crate) fn restore(
        algorithm: CongestionControl,
        (cwnd, ssthresh, credit, limited): (u32, u32, u32, bool),
    ) -> Self {
        let (cwnd, ssthresh) = (cwnd.clamp(1, CWND_MAX), ssthresh.clamp(1, CWND_MAX));
        Self { algorithm, cwnd, ssthresh, credit, limited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;

    fn limited(segments: u8) -> Congestion {
        let mut cc = Congestion::new(CongestionControl::NewReno, MSS, segments);
        cc.set_limited(true);
        cc
    }

    #[test]
    fn slow_start_grows_by_what_is_acknowledged() {
        let mut cc = limited(10);
        cc.on_ack(2 * MSS, MSS);
        assert_eq!(cc.cwnd(), 12 * MSS);
    }

    #[test]
    fn a_window_that_was_not_used_does_not_grow() {
        let mut cc = limited(10);
        cc.set_limited(false);
        cc.on_ack(10 * MSS, MSS);
        assert_eq!(cc.cwnd(), 10 * MSS);
    }

    #[test]
    fn congestion_avoidance_adds_a_segment_a_window() {
        let mut cc = limited(10);
        cc.on_loss(10 * MSS, MSS);
        assert_eq!((cc.cwnd(), cc.ssthresh), (5 * MSS, 5 * MSS));
        for _ in 0..4 {
            cc.on_ack(MSS, MSS);
            assert_eq!(cc.cwnd(), 5 * MSS);
        }
        cc.on_ack(MSS, MSS);
        assert_eq!(cc.cwnd(), 6 * MSS);
        for _ in 0..6 {
            cc.on_ack(MSS, MSS);
        }
        assert_eq!(cc.cwnd(), 7 * MSS);
    }

    #[test]
    fn slow_start_ends_at_the_threshold_within_one_acknowledgment() {
        let mut cc = limited(10);
        cc.on_timeout(10 * MSS, MSS, false);
        assert_eq!((cc.cwnd(), cc.ssthresh), (MSS, 5 * MSS));
        cc.on_ack(6 * MSS, MSS);
        assert_eq!(cc.cwnd(), 5 * MSS, "four segments of six go into slow start, two are credit");
        cc.on_ack(3 * MSS, MSS);
        assert_eq!(cc.cwnd(), 6 * MSS);
    }

    #[test]
    fn the_threshold_is_halved_once_for_repeated_timeouts_and_never_below_two_segments() {
        let mut cc = limited(10);
        cc.on_timeout(10 * MSS, MSS, false);
        cc.on_timeout(10 * MSS, MSS, true);
        assert_eq!(cc.ssthresh, 5 * MSS);
        cc.on_timeout(MSS, MSS, false);
        assert_eq!(cc.ssthresh, 2 * MSS);
    }

    #[test]
    fn an_idle_connection_starts_from_the_initial_window() {
        let mut cc = limited(10);
        cc.on_ack(30 * MSS, MSS);
        cc.on_idle(MSS, 10);
        assert_eq!(cc.cwnd(), 10 * MSS);
        cc.on_timeout(10 * MSS, MSS, false);
        cc.on_idle(MSS, 10);
        assert_eq!(cc.cwnd(), MSS, "never upwards");
    }

    #[test]
    fn the_window_stops_at_28_bits() {
        let mut cc = limited(10);
        for _ in 0..40 {
            cc.on_ack(1 << 27, MSS);
        }
        assert_eq!(cc.cwnd(), CWND_MAX);
    }
}
