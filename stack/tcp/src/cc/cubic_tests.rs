//! RFC 9438's formulas by hand: C = 0.4, β = 0.7, sizes in segments of 1000 bytes, times in seconds.

use super::super::CWND_MAX;
use super::super::tests::{MSS, ack, at};
use super::*;
use crate::SeqNum;

const fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

fn acked(bytes: u32, now: Nanos, srtt: Nanos) -> AckSample {
    let ack = ack(bytes);
    AckSample { at: Situation { now, srtt: Some(srtt), ..ack.at }, ..ack }
}

/// After a loss at 100 segments, with ACKs of a whole window every `rtt`, for `rounds` round trips.
fn after_loss_at_100(rtt: Nanos, rounds: u64) -> (Cubic, Window) {
    let mut cubic = Cubic::new();
    let mut window = Window { cwnd: 100 * MSS, ssthresh: 100 * MSS };
    cubic.on_loss(&mut window, &at(100 * MSS));
    for round in 0..=rounds {
        let now = Nanos(ms(1000).0 + round * rtt.0);
        // As many ACKs as there are segments, at the same instant.
        for _ in 0..window.cwnd / MSS {
            cubic.on_ack(&mut window, &acked(MSS, now, rtt));
        }
    }
    (cubic, window)
}

#[track_caller]
fn assert_near(bytes: u32, segments: f64) {
    let off = f64::from(bytes) - segments * f64::from(MSS);
    assert!(off.abs() <= 30.0, "{bytes} bytes, not {segments} segments");
}

#[test]
fn cube_roots_are_rounded_down() {
    for of in 0..5_000_u64 {
        let root = u64::from(cube_root(of));
        assert!(root.pow(3) <= of && (root + 1).pow(3) > of, "{of}: {root}");
    }
    assert_eq!(cube_root(u64::MAX), 2_642_245);
    assert_eq!(cube_root(1 << 54), 1 << 18);
}

//= rfc9438#4.2 RFC9438-4.2-1
//= rfc9438#5.1 RFC9438-5.1-1
#[test]
fn the_function_starts_at_the_window_is_flat_at_w_max_and_goes_on_beyond() {
    // K = (30 / 0.4)^(1/3) = 4.2172 s.
    let epoch = Epoch::new(Nanos::ZERO, 70 * MSS, 100 * MSS, MSS);
    assert_eq!(epoch.k, 4318);
    assert_near(epoch.window_at(0, MSS), 70.0);
    // 0.4 * (1 - 4.2172)^3 + 100
    assert_near(epoch.window_at(1024, MSS), 86.680);
    assert_near(epoch.window_at(4318, MSS), 100.0);
    assert_near(epoch.window_at(2 * 4318, MSS), 130.0);
    // 0.4 * (10 - 4.2172)^3 + 100
    assert_near(epoch.window_at(10 * 1024, MSS), 177.355);
    assert_eq!(epoch.window_at(u64::MAX, MSS), epoch.window_at(TIME_MAX + 4318, MSS));
}

#[test]
fn an_epoch_above_w_max_starts_flat() {
    let epoch = Epoch::new(Nanos::ZERO, 100 * MSS, 70 * MSS, MSS);
    assert_eq!((epoch.k, epoch.origin), (0, 100 * MSS));
}

//= rfc9438#4.6 RFC9438-4.6-1
#[test]
fn a_loss_leaves_seven_tenths() {
    let (cubic, window) = after_loss_at_100(ms(100), 0);
    assert_eq!((cubic.w_max, cubic.cwnd_prior), (100 * MSS, 100 * MSS));
    assert_eq!(window.ssthresh, 70 * MSS);
}

//= rfc9438#4.7 RFC9438-4.7-1
#[test]
fn a_flow_that_did_not_get_back_to_w_max_makes_room() {
    let mut cubic = Cubic::new();
    let mut window = Window { cwnd: 100 * MSS, ssthresh: 100 * MSS };
    cubic.on_loss(&mut window, &at(100 * MSS));
    cubic.on_loss(&mut window, &at(70 * MSS));
    // 70 * (1 + 0.7) / 2
    assert_eq!((cubic.w_max, cubic.cwnd_prior), (59_500, 70 * MSS));
    assert_eq!((window.cwnd, window.ssthresh), (49 * MSS, 49 * MSS));
}

//= rfc9438#4.6 RFC9438-4.6-2
#[test]
fn the_window_never_falls_below_two_segments() {
    let mut cubic = Cubic::new();
    let mut window = Window { cwnd: 2 * MSS, ssthresh: 2 * MSS };
    cubic.on_loss(&mut window, &at(2 * MSS));
    assert_eq!((window.cwnd, window.ssthresh), (2 * MSS, 2 * MSS));
}

#[test]
fn the_function_is_asked_once_in_a_32nd_of_a_second() {
    let mut cubic = Cubic::new();
    let mut window = Window { cwnd: 100 * MSS, ssthresh: 100 * MSS };
    cubic.on_loss(&mut window, &at(100 * MSS));
    // An RTT ahead it is at 0.4 * (0.1 - 4.2172)^3 + 100 = 72.1, so a segment more is worth 34 of 70. Asked 28 ms
    // later it would be at 72.7, and 28 would do.
    for n in 0..33 {
        cubic.on_ack(&mut window, &acked(MSS, ms(1000 + n), ms(100)));
        assert_eq!(window.cwnd, 70 * MSS, "after {n} ms");
    }
    cubic.on_ack(&mut window, &acked(MSS, ms(1033), ms(100)));
    assert_eq!(window.cwnd, 71 * MSS);
}

//= rfc9438#4.2 RFC9438-4.2-1
#[test]
fn long_round_trips_follow_the_function() {
    // Reno's window would be 70 + 42 * 9/17 = 92 by then; the function is at W_max, and leads by an RTT.
    let (_, window) = after_loss_at_100(ms(100), 42);
    assert!((98 * MSS..=100 * MSS).contains(&window.cwnd), "{}", window.cwnd);
    // Concave: most of the way was made early. At 1 s, and an RTT ahead: 0.4 * (1.1 - 4.2172)^3 + 100 = 87.9.
    let (_, window) = after_loss_at_100(ms(100), 10);
    assert!((87 * MSS..=88 * MSS).contains(&window.cwnd), "{}", window.cwnd);
    // Convex: 0.4 * (8 - 4.2172)^3 + 100 = 121.7.
    let (_, window) = after_loss_at_100(ms(100), 80);
    assert!((119 * MSS..=123 * MSS).contains(&window.cwnd), "{}", window.cwnd);
}

//= rfc9438#4.3 RFC9438-4.3-1 RFC9438-4.3-2
#[test]
fn short_round_trips_follow_reno() {
    // 9/17 of a segment a round trip from 70 to 100, which takes 56.7, then a whole one: 143 after 100.
    // The function would be at 86.7.
    let (_, window) = after_loss_at_100(ms(10), 100);
    assert!((140 * MSS..=144 * MSS).contains(&window.cwnd), "{}", window.cwnd);
    // Halfway to 100: 70 + 28 * 9/17 = 84.8.
    let (_, window) = after_loss_at_100(ms(10), 28);
    assert!((84 * MSS..=86 * MSS).contains(&window.cwnd), "{}", window.cwnd);
}

//= rfc9438#4.2 RFC9438-4.2-2
#[test]
fn a_round_trip_raises_the_window_by_half_at_most() {
    let (mut cubic, mut window) = after_loss_at_100(ms(100), 10);
    let before = window.cwnd;
    for _ in 0..before / MSS {
        cubic.on_ack(&mut window, &acked(MSS, ms(100_000), ms(100)));
    }
    // One more for what was gathered before.
    let grown = (window.cwnd - before) / MSS;
    assert!((before / MSS / 2..=before / MSS / 2 + 1).contains(&grown), "{grown} of {before}");
}

#[test]
fn without_any_loss_a_round_trip_adds_a_twentieth() {
    let mut cubic = Cubic::new();
    let mut window = Window { cwnd: 100 * MSS, ssthresh: 100 * MSS };
    for _ in 0..100 {
        cubic.on_ack(&mut window, &acked(MSS, ms(1000), ms(1)));
    }
    assert_eq!(window.cwnd, 105 * MSS);
}

//= rfc9438#4.8 RFC9438-4.8-1
#[test]
fn a_timeout_forgets_w_max_and_a_second_one_changes_nothing_more() {
    let (mut cubic, mut window) = after_loss_at_100(ms(100), 10);
    let cwnd = window.cwnd;
    cubic.on_timeout(&mut window, &at(50 * MSS), false);
    let ssthresh = cwnd / 10 * 7;
    assert_eq!((cubic.w_max, window), (0, Window { cwnd: MSS, ssthresh }));
    cubic.on_timeout(&mut window, &at(50 * MSS), true);
    assert_eq!((cubic.w_max, window), (0, Window { cwnd: MSS, ssthresh }));
    cubic.on_ack(&mut window, &acked(2 * MSS, ms(3000), ms(100)));
    assert_eq!(window.cwnd, 3 * MSS, "slow start");
    cubic.on_ack(&mut window, &acked(ssthresh, ms(3000), ms(100)));
    let Phase::Epoch(epoch) = cubic.phase else { panic!("an epoch began") };
    assert_eq!((epoch.k, epoch.origin), (0, ssthresh));
}

//= rfc9438#4.2 RFC9438-4.2-3
#[test]
fn silence_is_no_time_of_the_epoch() {
    let (mut cubic, mut window) = after_loss_at_100(ms(100), 10);
    let (mut busy, mut busy_window) = (cubic, window);
    cubic.on_transmit_start(ms(7_050), ms(5_000));
    for _ in 0..80 {
        cubic.on_ack(&mut window, &acked(MSS, ms(7_100), ms(100)));
        busy.on_ack(&mut busy_window, &acked(MSS, ms(2_100), ms(100)));
    }
    assert_eq!(window, busy_window);
    cubic.on_transmit_start(ms(8_000), ms(60_000));
    let Phase::Epoch(epoch) = cubic.phase else { panic!("still an epoch") };
    assert_eq!(epoch.start.get(), ms(8_000), "never in the future");
}

/// A slow start that a threshold ends needs no other end.
//= rfc9406#4.3 RFC9406-4.3-1
#[test]
fn only_the_first_slow_start_watches_round_trips() {
    let grown = |ssthresh: u32| {
        let (mut cubic, mut window) = (Cubic::new(), Window { cwnd: 10 * MSS, ssthresh });
        for n in 1..=80 {
            let sample = acked(MSS, ms(1000), ms(10));
            let (una, max) = (SeqNum(n * MSS), SeqNum((n + 20) * MSS));
            let rtt = Some(ms(10 * (1 + u64::from(n) / 20)));
            let at = Situation { una, max, ..sample.at };
            cubic.on_ack(&mut window, &AckSample { at, rtt, ..sample });
        }
        window.cwnd / MSS - 10
    };
    assert_eq!(grown(1000 * MSS), 80);
    assert!(grown(CWND_MAX) < 80, "the first does");
}

//= rfc9406#4.2 RFC9406-4.2-6
#[test]
fn a_loss_ends_the_first_slow_start() {
    let (mut cubic, mut window) = (Cubic::new(), Window { cwnd: 100 * MSS, ssthresh: CWND_MAX });
    cubic.on_loss(&mut window, &at(100 * MSS));
    assert!(!window.in_slow_start() && window.has_threshold());
}
