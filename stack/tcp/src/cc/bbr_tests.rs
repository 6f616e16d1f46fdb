//! BBR on a path made of a bottleneck with a queue that never overflows, and a delay.

use std::collections::VecDeque;

use super::super::rate::Sampler;
use super::super::tests::{MSS, at};
use super::super::{Congestion, CongestionControl, Usage};
use super::*;
use crate::SeqNum;

const fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

struct Path {
    cc: Congestion,
    now: Nanos,
    /// Bytes per second.
    rate: u64,
    rtt: Nanos,
    /// When the bottleneck has sent all that it has.
    free_at: Nanos,
    /// When what is under way is acknowledged, and when it was sent.
    under_way: VecDeque<(Nanos, Nanos)>,
    una: u32,
    max: u32,
    pipe_max: u32,
    cwnd_min: u32,
}

impl Path {
    fn new(rate: u64, rtt: Nanos) -> Self {
        let cc = Congestion::new(CongestionControl::Bbr, MSS, 10);
        Self {
            cc,
            now: ms(1000),
            rate,
            rtt,
            free_at: Nanos::ZERO,
            under_way: VecDeque::new(),
            una: 0,
            max: 0,
            pipe_max: 0,
            cwnd_min: u32::MAX,
        }
    }

    fn situation(&self) -> Situation {
        let pipe = self.max - self.una;
        let (una, max) = (SeqNum(self.una), SeqNum(self.max));
        Situation { now: self.now, una, max, pipe, flight: pipe, srtt: Some(self.rtt), ..at(0) }
    }

    fn acknowledge(&mut self, sent_at: Nanos) {
        self.una += MSS;
        let sample = AckSample {
            at: self.situation(),
            counts: true,
            delivered: MSS,
            lost: 0,
            rtt: Some(self.now - sent_at),
            sent_at: Some(sent_at),
            recovery: Recovery::Open,
        };
        self.cc.on_ack(&sample, &Usage::NONE);
        self.cwnd_min = self.cwnd_min.min(self.cc.cwnd());
    }

    fn send(&mut self) {
        self.cc.on_sent(self.now, MSS, self.max - self.una);
        self.max += MSS;
        self.pipe_max = self.pipe_max.max(self.max - self.una);
        let takes = u64::from(MSS) * 1_000_000_000 / self.rate;
        self.free_at = self.free_at.max(self.now) + Nanos(takes);
        self.under_way.push_back((self.free_at + self.rtt, self.now));
    }

    /// Sends what may be sent for so long. Answers how many bytes were acknowledged.
    fn run(&mut self, time: Nanos) -> u32 {
        let (end, before) = (self.now + time, self.una);
        (self.pipe_max, self.cwnd_min) = (0, u32::MAX);
        while self.now < end {
            while let Some(&(due, sent_at)) = self.under_way.front()
                && due <= self.now
            {
                self.under_way.pop_front();
                self.acknowledge(sent_at);
            }
            let mut wait = Nanos::MAX;
            while self.max - self.una + MSS <= self.cc.cwnd() {
                if let Some(at) = self.cc.holds_until(self.now, MSS) {
                    wait = at;
                    break;
                }
                self.send();
            }
            let acked = self.under_way.front().map_or(Nanos::MAX, |&(due, _)| due);
            self.now = wait.min(acked).min(end);
        }
        self.una - before
    }

    fn bbr(&self) -> &Bbr {
        match &self.cc.algorithm {
            super::super::Algorithm::Bbr(bbr) => bbr,
            _ => panic!("not BBR"),
        }
    }
}

/// 10 Mbit/s and 40 ms: 50 segments fill the pipe.
const RATE: u64 = 1_250_000;
const BDP: u32 = 50 * MSS;

#[track_caller]
fn assert_within(value: u64, low: u64, high: u64) {
    assert!((low..=high).contains(&value), "{value} is not within {low}..={high}");
}

#[test]
fn the_rate_is_what_arrived_over_the_longer_of_sending_and_acknowledging() {
    let mut sampler = Sampler::new();
    let situation = |now| Situation { now, ..at(0) };
    // Two segments at once, and one 10 ms later.
    sampler.on_sent(ms(0), true);
    sampler.on_sent(ms(0), false);
    sampler.on_sent(ms(10), false);
    let first = sampler.on_ack(&situation(ms(100)), MSS, Some(ms(0)), ms(50)).expect("a stamp");
    assert_eq!((first.prior_delivered, first.rate), (0, Some(10_000)), "1000 in 100 ms");
    // Sent when 1000 were delivered, at 100 ms, and the last delivered of them sent at 0.
    sampler.on_sent(ms(100), false);
    let third =
        sampler.on_ack(&situation(ms(125)), 2 * MSS, Some(ms(10)), ms(50)).expect("a stamp");
    assert_eq!(third.rate, Some(24_000), "3000 in 125 ms");
    let fourth = sampler.on_ack(&situation(ms(200)), MSS, Some(ms(100)), ms(50)).expect("a stamp");
    assert_eq!((fourth.prior_delivered, fourth.rate), (1000, Some(30_000)), "3000 in 100 ms");
}

#[test]
fn acknowledgments_that_come_together_are_not_faster_than_what_was_sent() {
    let mut sampler = Sampler::new();
    sampler.on_sent(ms(0), true);
    let situation = |now| Situation { now, ..at(0) };
    let _ = sampler.on_ack(&situation(ms(100)), MSS, Some(ms(0)), ms(50));
    sampler.on_sent(ms(110), false);
    let sample = sampler.on_ack(&situation(ms(190)), MSS, Some(ms(110)), ms(50)).expect("a stamp");
    assert_eq!(sample.rate, Some(9_090), "1000 in 110 ms of sending, not in 90 of acknowledging");
}

#[test]
fn an_interval_shorter_than_the_round_trip_is_no_measure() {
    let mut sampler = Sampler::new();
    sampler.on_sent(ms(0), true);
    let sample = sampler.on_ack(&Situation { now: ms(30), ..at(0) }, MSS, Some(ms(0)), ms(31));
    assert_eq!(sample.expect("a stamp").rate, None);
}

#[test]
fn what_the_application_limits_says_so_until_it_is_delivered() {
    let mut sampler = Sampler::new();
    sampler.on_sent(ms(0), true);
    sampler.on_app_limited(MSS);
    sampler.on_sent(ms(10), false);
    let situation = |now| Situation { now, ..at(0) };
    let first = sampler.on_ack(&situation(ms(100)), MSS, Some(ms(0)), ms(1)).expect("a stamp");
    let second = sampler.on_ack(&situation(ms(110)), MSS, Some(ms(10)), ms(1)).expect("a stamp");
    assert_eq!((first.app_limited, second.app_limited), (false, true));
    assert!(!sampler.is_app_limited(), "what was in flight has arrived, and more");
}

#[test]
fn the_greatest_rate_is_that_of_ten_rounds() {
    let mut rates = MaxRate::default();
    rates.add(1, 100);
    for round in 2..=11 {
        rates.add(round, 50 + round);
        assert_eq!(rates.greatest(), 100, "round {round}");
    }
    rates.add(12, 50);
    assert_within(rates.greatest(), 55, 61);
}

#[test]
fn startup_finds_the_rate_and_the_queue_is_drained() {
    let mut path = Path::new(RATE, ms(40));
    // Three round trips to double from 10 segments to 50, three to see that it is over, some to drain.
    path.run(ms(300));
    assert_within(path.bbr().bottleneck_rate(), RATE * 95 / 100, RATE * 102 / 100);
    path.run(ms(700));
    assert!(path.bbr().filled);
    assert!(matches!(path.bbr().mode, Mode::ProbeBw { .. }), "{:?}", path.bbr().mode);
    assert_within(path.bbr().bottleneck_rate(), RATE * 98 / 100, RATE * 102 / 100);
    // A round trip of 40 ms and the time that a segment takes.
    assert_within(path.bbr().rtprop.expect("measured").0.0, 40_000_000, 41_000_000);
}

#[test]
fn the_pipe_is_kept_full_with_little_queue() {
    let mut path = Path::new(RATE, ms(40));
    path.run(ms(2000));
    let acked = path.run(ms(4000));
    assert_within(acked.into(), 4 * RATE * 95 / 100, 4 * RATE);
    // A quarter of the pipe more once in eight round trips, and the quanta.
    assert!(path.pipe_max <= BDP * 3 / 2 + 10 * MSS, "{} in flight", path.pipe_max);
}

#[test]
fn every_ten_seconds_the_pipe_is_nearly_emptied() {
    let mut path = Path::new(RATE, ms(40));
    path.run(ms(9000));
    assert!(path.cwnd_min >= 10 * MSS);
    path.run(ms(3000));
    assert_eq!(path.cwnd_min, 4 * MSS);
    let acked = path.run(ms(2000));
    assert_within(acked.into(), 2 * RATE * 90 / 100, 2 * RATE);
    assert!(path.cwnd_min >= BDP, "the window is back");
}

#[test]
fn a_path_that_became_slower_is_learned_within_ten_rounds() {
    let mut path = Path::new(RATE, ms(40));
    path.run(ms(3000));
    path.rate = RATE / 2;
    path.run(ms(4000));
    assert_within(path.bbr().bottleneck_rate(), RATE * 48 / 100, RATE * 53 / 100);
}

#[test]
fn a_loss_does_not_reduce_the_rate_and_the_window_comes_back() {
    let mut path = Path::new(RATE, ms(40));
    path.run(ms(2000));
    let (cwnd, rate) = (path.cc.cwnd(), path.bbr().bottleneck_rate());
    let at = path.situation();
    path.cc.on_loss(&at);
    assert_eq!(path.cc.cwnd(), at.pipe + MSS, "what arrives may leave");
    path.cc.on_recovery_exit(&at);
    assert_eq!((path.cc.cwnd(), path.bbr().bottleneck_rate()), (cwnd, rate));
    path.cc.on_timeout(&at, false);
    assert_eq!(path.cc.cwnd(), MSS);
    path.run(ms(500));
    assert!(path.cc.cwnd() >= cwnd * 9 / 10, "{} of {cwnd}", path.cc.cwnd());
}

#[test]
fn segments_leave_at_the_pace_or_a_quantum_at_a_time() {
    // 100 kB/s: a segment takes 10 ms, and a quantum is one.
    let mut slow = Bbr::new(10 * MSS);
    slow.pacing_rate = 100_000;
    assert_eq!(slow.holds_until(ms(5), MSS), None);
    slow.on_sent(ms(5), MSS, 0);
    assert_eq!(slow.holds_until(ms(5), MSS), Some(ms(15)));
    assert_eq!(slow.holds_until(ms(15), MSS), None);
    // It leaves late, by more than half of its time: half is forgiven.
    slow.on_sent(ms(23), MSS, MSS);
    assert_eq!(slow.holds_until(ms(23), MSS), Some(ms(28)));
    // 10 MB/s: a segment takes 100 us, and ten may leave together.
    let mut fast = Bbr::new(10 * MSS);
    fast.pacing_rate = 10_000_000;
    let mut burst = 0;
    while fast.holds_until(ms(5), MSS).is_none() {
        fast.on_sent(ms(5), MSS, MSS);
        burst += 1;
    }
    assert_eq!(burst, 10);
    assert_eq!(fast.holds_until(ms(5), MSS), Some(ms(6)));
}
