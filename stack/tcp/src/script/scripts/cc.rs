//! How algorithms of congestion control differ on the wire.

use crate::script::*;
use crate::{Config, CongestionControl};

/// A peer with a window that no window of ours fills.
fn with(bench: &mut dyn Bench, congestion: CongestionControl, initial: u8) -> Trace {
    let config = Config { initial_window_segments: initial, ..Config::default() };
    let setup = Setup { sack: true, window_scale: Some(0), config, congestion, ..Setup::default() };
    let peer = Peer { sack: true, window_scale: Some(4), ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    // The window of the SYN,ACK was not scaled.
    inject!(t, ACK, seq 1, ack 1);
    t
}

/// `initial` segments, of which the first is lost and sent again. What may be in flight afterwards.
fn window_after_a_loss(bench: &mut dyn Bench, congestion: CongestionControl, initial: u8) -> u32 {
    let mut t = with(bench, congestion, initial);
    let sent = u32::from(initial);
    t.send(sent * 1000);
    assert_eq!(t.drain(), sent);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.send(400_000);
    t.inject(Seg::new(ACK).seq(1).ack(1 + sent * 1000));
    t.drain()
}

/// RFC 5681 3.1: half of what was in flight.
pub fn newreno_halves(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::NewReno, 10), 5);
    assert_eq!(window_after_a_loss(bench, CongestionControl::Reno, 200), 100);
}

/// RFC 9438 4.6: β is 0.7.
//= rfc9293#3.8.2 MAY-18
//= rfc9438#4.6 RFC9438-4.6-1
pub fn cubic_leaves_seven_tenths(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::Cubic, 10), 7);
    assert_eq!(window_after_a_loss(bench, CongestionControl::Cubic, 200), 140);
}

/// RFC 3649 5: as Reno up to 38 segments, from 118 on b(w) is 0.44.
pub fn highspeed_leaves_more_of_a_large_window(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::HighSpeed, 10), 5);
    assert_eq!(window_after_a_loss(bench, CongestionControl::HighSpeed, 200), 112);
}

/// Before fast recovery was: a loss is repaired with a window of one segment.
pub fn tahoe_repairs_with_a_window_of_one_segment(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Tahoe, 10);
    t.send(20_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 250 ms);
    // The others let more and more out where there is fast recovery.
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 9001)]);
    silence!(t);
    // Slow start from here: what the ACK was the first to report counts, and one was in flight.
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 3);
}

/// 10 segments in 100 ms, times 2.885, are 288.5 kB/s: a segment takes 3.47 ms, and two leave together.
pub fn bbr_paces_the_initial_window(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Bbr, 10);
    t.restart_clock();
    t.restart_counters();
    t.send(20_000);
    assert_eq!(t.drain(), 2);
    for at in [13_u64, 25] {
        t.skip_until(at);
        // So many take that long at the pace, and two may be ahead of it.
        let (least, most) = (at * 288 / 1000, at * 289 / 1000 + 2);
        t.counters_of(|counters| {
            let sent = counters.tx_segments;
            assert!((least..=most).contains(&sent), "{sent} by {at} ms, not {least} to {most}");
        });
    }
    t.skip_until(90);
    t.counters_of(|counters| assert_eq!(counters.tx_segments, 10, "the window is full"));
}

/// RFC 9438 4.2: an idle time is not one in which the window grows.
//= rfc9438#4.2 RFC9438-4.2-3
pub fn cubic_does_not_grow_while_idle(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Cubic, 10);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(7000);
    assert_eq!(t.drain(), 7);
    inject!(t, ACK, seq 1, ack 17_001);
    // K is (3 / 0.4)^(1/3), 1.96 seconds, and an epoch has begun. Most of the next 1.2 are silence, but
    // never a timeout's worth.
    let mut at = 17_001;
    for round in 1..9 {
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(1000));
        at += 1000;
        t.inject(Seg::new(ACK).seq(1).ack(at));
        t.skip_until(100 + 150 * round);
    }
    t.send(20_000);
    assert_eq!(t.drain(), 7);
    // The function is where it was, and does not ask for 9.9 segments. Two windows of ACKs are 18/17 of a
    // segment for the Reno-friendly one.
    t.inject(Seg::new(ACK).seq(1).ack(at + 7000));
    assert_eq!(t.drain(), 8);
}
