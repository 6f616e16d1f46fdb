//! Against figures worked out by hand. Segments have 1000 bytes.

use core::ops::{Deref, DerefMut};

use super::*;

pub(super) const MSS: u32 = 1000;

/// `flight` bytes outstanding, all of them in the network.
pub(super) fn at(flight: u32) -> Situation {
    Situation {
        now: Nanos::ZERO,
        mss: MSS,
        una: SeqNum(0),
        max: SeqNum(flight),
        flight,
        pipe: flight,
        srtt: None,
    }
}

pub(super) fn ack(acked: u32) -> AckSample {
    AckSample {
        at: at(0),
        counts: acked > 0,
        delivered: acked,
        lost: 0,
        rtt: None,
        sent_at: None,
        recovery: Recovery::Open,
    }
}

/// A window, and how far it is used.
#[derive(Debug)]
struct Flow(Congestion, Usage);

impl Flow {
    fn new(algorithm: CongestionControl, mss: u32, segments: u8) -> Self {
        Self(Congestion::new(algorithm, mss, segments), Usage::NONE)
    }

    fn on_ack(&mut self, ack: &AckSample) {
        self.0.on_ack(ack, &self.1);
    }

    fn on_sending_stopped(&mut self, at: &Situation) {
        self.1.on_sending_stopped(at, self.0.cwnd());
    }
}

impl Deref for Flow {
    type Target = Congestion;

    fn deref(&self) -> &Congestion {
        &self.0
    }
}

impl DerefMut for Flow {
    fn deref_mut(&mut self) -> &mut Congestion {
        &mut self.0
    }
}

/// A window that its sender has just filled.
fn full(algorithm: CongestionControl, segments: u8) -> Flow {
    let mut cc = Flow::new(algorithm, MSS, segments);
    cc.on_sending_stopped(&at(u32::from(segments) * MSS));
    cc
}

fn newreno(segments: u8) -> Flow {
    full(CongestionControl::NewReno, segments)
}

#[test]
fn names_lead_to_what_they_name() {
    for algorithm in CongestionControl::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
    assert_eq!("reno".parse(), Ok(CongestionControl::Reno));
    assert_eq!("vegas".parse::<CongestionControl>(), Err(UnknownCongestionControl));
    assert!(
        UnknownCongestionControl
            .to_string()
            .contains("are reno, tahoe, newreno, highspeed, cubic, dctcp, bbr")
    );
}

//= rfc5681#3.1 RFC5681-3.1-1 RFC5681-3.1-4
#[test]
fn slow_start_grows_by_what_is_acknowledged() {
    let mut cc = newreno(10);
    cc.on_ack(&ack(2 * MSS));
    assert_eq!(cc.cwnd(), 12 * MSS);
}

//= rfc9438#5.8 RFC9438-5.8-1
#[test]
fn a_window_that_was_not_used_does_not_grow() {
    let mut cc = Flow::new(CongestionControl::NewReno, MSS, 10);
    cc.on_sending_stopped(&at(5 * MSS));
    cc.on_ack(&ack(5 * MSS));
    assert_eq!(cc.cwnd(), 10 * MSS, "five of ten: not more than half");
}

#[test]
fn slow_start_grows_to_twice_what_was_used() {
    let mut cc = Flow::new(CongestionControl::NewReno, MSS, 10);
    cc.on_sending_stopped(&at(6 * MSS));
    cc.on_ack(&ack(6 * MSS));
    assert_eq!(cc.cwnd(), 16 * MSS, "six of ten are more than half");
    cc.on_ack(&ack(6 * MSS));
    assert_eq!(cc.cwnd(), 16 * MSS, "six of sixteen are not");
}

#[test]
fn a_window_with_no_room_for_a_segment_is_full() {
    let mut cc = Flow::new(CongestionControl::NewReno, MSS, 4);
    cc.on_loss(&at(4 * MSS));
    assert_eq!(
        cc.cwnd(),
        2 * MSS,
        "so growth is congestion avoidance's, for which half does not do"
    );
    cc.on_sending_stopped(&at(MSS));
    cc.on_ack(&ack(2 * MSS));
    assert_eq!(cc.cwnd(), 2 * MSS, "a segment would have gone");
    cc.on_sending_stopped(&at(MSS + 1));
    cc.on_ack(&ack(2 * MSS));
    assert_eq!(cc.cwnd(), 3 * MSS);
}

#[test]
fn a_limit_counts_until_what_was_outstanding_is_acknowledged() {
    let mut cc = newreno(10);
    cc.on_sending_stopped(&Situation { una: SeqNum(9000), flight: MSS, pipe: MSS, ..at(10_000) });
    cc.on_ack(&ack(MSS));
    assert_eq!(cc.cwnd(), 11 * MSS, "ten were outstanding when it limited, one still is");
    cc.on_sending_stopped(&Situation { una: SeqNum(10_000), flight: 0, pipe: 0, ..at(10_000) });
    cc.on_ack(&ack(MSS));
    assert_eq!(cc.cwnd(), 11 * MSS);
}

//= rfc9293#3.8.2 MUST-19
//= rfc5681#3.1 RFC5681-3.1-1 RFC5681-3.1-5
#[test]
fn congestion_avoidance_adds_a_segment_a_window() {
    let mut cc = newreno(10);
    cc.on_loss(&at(10 * MSS));
    assert_eq!((cc.cwnd(), cc.ssthresh()), (5 * MSS, 5 * MSS));
    for _ in 0..4 {
        cc.on_ack(&ack(MSS));
        assert_eq!(cc.cwnd(), 5 * MSS);
    }
    cc.on_ack(&ack(MSS));
    assert_eq!(cc.cwnd(), 6 * MSS);
    for _ in 0..6 {
        cc.on_ack(&ack(MSS));
    }
    assert_eq!(cc.cwnd(), 7 * MSS);
}

#[test]
fn what_is_acknowledged_during_fast_recovery_does_not_grow_the_window() {
    let mut cc = newreno(10);
    cc.on_loss(&at(10 * MSS));
    cc.on_ack(&AckSample { recovery: Recovery::Fast, ..ack(9 * MSS) });
    assert_eq!(cc.cwnd(), 5 * MSS);
    cc.set_cwnd(3 * MSS);
    cc.on_recovery_exit(&at(2 * MSS));
    assert_eq!(cc.cwnd(), 5 * MSS, "recovery leaves the threshold behind, however low it went");
}

#[test]
fn slow_start_ends_at_the_threshold_within_one_acknowledgment() {
    let mut cc = newreno(10);
    cc.on_timeout(&at(10 * MSS), false);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 5 * MSS));
    cc.on_ack(&ack(6 * MSS));
    assert_eq!(cc.cwnd(), 5 * MSS, "four segments of six go into slow start, two are credit");
    cc.on_ack(&ack(3 * MSS));
    assert_eq!(cc.cwnd(), 6 * MSS);
}

//= rfc5681#3.1 RFC5681-3.1-6 RFC5681-3.1-7
#[test]
fn the_threshold_is_halved_once_for_repeated_timeouts_and_never_below_two_segments() {
    let mut cc = newreno(10);
    cc.on_timeout(&at(10 * MSS), false);
    cc.on_timeout(&at(10 * MSS), true);
    assert_eq!(cc.ssthresh(), 5 * MSS);
    cc.on_timeout(&at(MSS), false);
    assert_eq!(cc.ssthresh(), 2 * MSS);
}

//= rfc5681#3.2 RFC5681-3.2-4
//= rfc5681#3.1 RFC5681-3.1-6
#[test]
fn the_threshold_is_half_of_what_is_outstanding() {
    let mut cc = newreno(10);
    cc.on_loss(&at(6 * MSS));
    assert_eq!(cc.cwnd(), 3 * MSS, "of six outstanding, not of a window of ten");
}

#[test]
fn tahoe_starts_over_from_one_segment() {
    let mut cc = full(CongestionControl::Tahoe, 10);
    cc.on_loss(&at(10 * MSS));
    assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 5 * MSS));
    assert!(cc.rules_recovery());
    cc.on_ack(&AckSample { recovery: Recovery::Fast, ..ack(2 * MSS) });
    assert_eq!(cc.cwnd(), 3 * MSS, "repairing is slow start like any other");
    cc.on_recovery_exit(&at(0));
    assert_eq!(cc.cwnd(), 3 * MSS);
}

#[test]
fn what_was_no_loss_is_undone() {
    let mut cc = newreno(10);
    let prior = cc.prior();
    cc.on_timeout(&at(10 * MSS), false);
    cc.undo(&prior);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * MSS, CWND_MAX));
    cc.on_loss(&at(10 * MSS));
    let prior = cc.prior();
    cc.on_ack(&ack(5 * MSS));
    cc.undo(&prior);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (6 * MSS, 5 * MSS), "never downwards");
}

//= rfc9438#4.6 RFC9438-4.6-3
#[test]
fn an_echo_lowers_cubics_window_as_a_loss_does() {
    let mut cubic = full(CongestionControl::Cubic, 20);
    cubic.on_ecn(&at(20 * MSS));
    assert_eq!((cubic.cwnd(), cubic.ssthresh()), (14 * MSS, 14 * MSS));
}

//= rfc9438#4.9 RFC9438-4.9-1
#[test]
fn undoing_brings_back_all_that_cubic_remembers() {
    let mut cc = full(CongestionControl::Cubic, 100);
    cc.on_loss(&at(100 * MSS));
    cc.on_ack(&ack(70 * MSS));
    let (before, prior) = (cc.clone(), cc.prior());
    cc.on_timeout(&at(70 * MSS), false);
    assert_ne!(cc.algorithm, before.algorithm);
    cc.undo(&prior);
    assert_eq!(*cc, before);
}

//= rfc5681#4.1 RFC5681-4.1-1
#[test]
fn idle_halves_the_window_for_each_timeout_down_to_the_initial_one() {
    let rto = Nanos::from_millis(200);
    let mut cc = newreno(10);
    cc.on_ack(&ack(70 * MSS));
    cc.on_idle(&at(0), Nanos::from_millis(300), rto, 10);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (40 * MSS, CWND_MAX));
    cc.on_idle(&at(0), Nanos::from_secs(3600), rto, 10);
    assert_eq!(cc.cwnd(), 10 * MSS);
    cc.on_timeout(&at(10 * MSS), false);
    cc.on_idle(&at(0), Nanos::from_secs(3600), rto, 10);
    assert_eq!(cc.cwnd(), MSS, "never upwards");
}

#[test]
fn idle_is_no_congestion() {
    let mut cc = newreno(40);
    cc.on_loss(&at(40 * MSS));
    while cc.cwnd() < 28 * MSS {
        cc.on_ack(&ack(MSS));
    }
    cc.on_idle(&at(0), Nanos::from_secs(9), Nanos::from_secs(1), 10);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * MSS, 21 * MSS), "three quarters of 28");
}

#[test]
fn the_window_stops_at_28_bits() {
    let mut cc = newreno(10);
    for _ in 0..40 {
        cc.on_ack(&ack(1 << 27));
    }
    assert_eq!(cc.cwnd(), CWND_MAX);
}

#[test]
fn what_is_given_back_is_a_window_that_can_have_been() {
    let mut prior = newreno(10).prior();
    assert!(prior.is_sound());
    for cwnd in [0, CWND_MAX + 1] {
        prior.window.cwnd = cwnd;
        assert!(!prior.is_sound(), "{cwnd}");
    }
}
