//! RFC 9406's thresholds by hand.

use super::super::tests::{MSS, ack};
use super::super::{CWND_MAX, Situation};
use super::*;

struct Flow {
    hystart: HyStart,
    window: Window,
    una: u32,
}

impl Flow {
    fn new() -> Self {
        let window = Window { cwnd: 10 * MSS, ssthresh: CWND_MAX };
        Self { hystart: HyStart::NEW, window, una: 0 }
    }

    /// A round of `acks` ACKs of a segment each, with this RTT; answers by how many segments the
    /// window grew.
    fn round(&mut self, acks: u32, rtt_us: u64) -> u32 {
        let before = self.window.cwnd;
        let max = SeqNum(self.una + 2 * acks * MSS);
        for _ in 0..acks {
            self.una += MSS;
            let sample = ack(MSS);
            let at = Situation { una: SeqNum(self.una), max, ..sample.at };
            let rtt = Some(Nanos(rtt_us * 1_000));
            self.hystart.on_ack(&mut self.window, &AckSample { at, rtt, ..sample });
        }
        // The next round begins with the ACK of all that was sent before its first.
        self.una = max.0 - MSS;
        (self.window.cwnd - before) / MSS
    }
}

#[test]
fn a_steady_round_trip_doubles_the_window_for_ever() {
    let mut flow = Flow::new();
    for _ in 0..10 {
        assert_eq!(flow.round(20, 100_000), 20);
    }
    assert_eq!(flow.window.ssthresh, CWND_MAX);
}

/// 20 ACKs a round, of which the eighth with a raised RTT is the last that counts in full: 8 + 12 / 4.
#[track_caller]
fn assert_rise(from_us: u64, to_us: u64, is_one: bool) {
    let mut flow = Flow::new();
    flow.round(20, from_us);
    assert_eq!(flow.round(20, to_us), if is_one { 11 } else { 20 }, "{from_us} to {to_us}");
}

//= rfc9406#4.2 RFC9406-4.2-2
#[test]
fn an_eighth_more_is_a_rise_but_at_least_4_and_at_most_16_milliseconds() {
    assert_rise(100_000, 112_499, false);
    assert_rise(100_000, 112_500, true);
    assert_rise(8_000, 11_999, false);
    assert_rise(8_000, 12_000, true);
    assert_rise(400_000, 415_999, false);
    assert_rise(400_000, 416_000, true);
}

//= rfc9406#4.2 RFC9406-4.2-1
#[test]
fn seven_samples_say_nothing() {
    let mut flow = Flow::new();
    flow.round(20, 100_000);
    assert_eq!(flow.round(7, 500_000), 7);
    assert_eq!(flow.hystart.css_rounds, 0);
}

//= rfc9438#4.10 RFC9438-4.10-1
//= rfc9406#4.2 RFC9406-4.2-3 RFC9406-4.2-5
#[test]
fn five_rounds_of_conservative_slow_start_end_it() {
    let mut flow = Flow::new();
    flow.round(20, 100_000);
    flow.round(20, 130_000);
    for _ in 0..4 {
        assert_eq!(flow.round(20, 130_000), 5);
        assert_eq!(flow.window.ssthresh, CWND_MAX);
    }
    let cwnd = flow.window.cwnd;
    flow.round(20, 130_000);
    assert_eq!(flow.window.ssthresh, cwnd, "the first ACK of the sixth round");
}

//= rfc9406#4.2 RFC9406-4.2-4
#[test]
fn a_rise_that_was_noise_resumes_slow_start() {
    let mut flow = Flow::new();
    flow.round(20, 100_000);
    flow.round(20, 130_000);
    // Eight samples below the raised one: 8 / 4 + 12.
    assert_eq!(flow.round(20, 129_000), 14);
    assert_eq!(flow.round(20, 129_000), 20);
}
