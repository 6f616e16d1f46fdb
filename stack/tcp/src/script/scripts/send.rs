//! What is sent, and when: RFC 9293 3.7 and 3.8.6.2.1, RFC 5681.

use crate::script::*;
use crate::{Config, State, Switches};

const ON: Switches =
    Switches { nagle: true, cork: false, delayed_ack: true, keepalive: false, tx_quiesce: false };

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// PSH goes with the last byte posted.
//= rfc9293#3.9.1.2 MUST-61 SHLD-28
pub fn payload_is_cut_into_segments_and_pushed_at_its_end(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    t.send(2500);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK | PSH, seq 2001, ack 1, len 500);
    silence!(t);
    counted!(t, tx_segments: 3, tx_bytes: 2500);
}

/// RFC 6928.
//= rfc6928#2 RFC6928-2-1
pub fn initial_window_is_ten_segments(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(20_000);
    assert_eq!(t.drain(), 10);
    counted!(t, tx_segments: 10, tx_bytes: 10_000);
}

/// RFC 5681 3.1.
//= rfc9293#3.8.2 MUST-19
//= rfc5681#3.1 RFC5681-3.1-3 RFC5681-3.1-4
pub fn slow_start_doubles(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100_000);
    assert_eq!(t.drain(), 10);
    for acked in [2001, 4001, 6001, 8001, 10_001] {
        t.inject(Seg::new(ACK).seq(1).ack(acked));
        assert_eq!(t.drain(), 4, "two for those that left, two for growth");
    }
    inject!(t, ACK, seq 1, ack 30_001);
    assert_eq!(t.drain(), 40);
}

/// RFC 7661: who sends a segment at a time learns nothing about the path.
pub fn unused_window_does_not_grow(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for i in 0..20 {
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(1 + i * 1000).ack(1).len(1000));
        t.inject(Seg::new(ACK).seq(1).ack(1001 + i * 1000));
    }
    t.send(20_000);
    assert_eq!(t.drain(), 10);
}

/// RFC 9293 3.7.4.
//= rfc9293#3.7.4 SHLD-7
//= rfc9293#3.9.1.2 MAY-16 SHLD-27
pub fn nagle_holds_a_small_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK | PSH, seq 1, ack 1, len 100);
    t.send(100);
    t.send(100);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 101);
    expect!(t, ACK | PSH, seq 101, ack 1, len 200);
}

/// Only the rest waits.
pub fn nagle_lets_full_segments_through(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(1500);
    expect!(t, ACK, seq 101, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1101);
    expect!(t, ACK, seq 1101, ack 1, len 500);
}

/// RFC 9293 MUST-17.
//= rfc9293#3.7.4 MUST-17
pub fn without_nagle_small_segments_go_out(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    for at in [1, 101, 201] {
        t.send(100);
        t.expect(None, Seg::new(ACK | PSH).seq(at).ack(1).len(100));
    }
}

/// The switch may be turned while something waits.
//= rfc9293#3.7.4 MUST-17
pub fn switching_nagle_off_lets_go(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(100);
    silence!(t);
    t.set_switches(Switches { nagle: false, ..ON });
    expect!(t, ACK, seq 101, ack 1, len 100);
}

/// Nothing will come that could fill the segment up.
pub fn fin_is_not_held_by_nagle(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(100);
    silence!(t);
    t.close();
    expect!(t, FIN | ACK | PSH, seq 101, ack 1, len 100);
}

/// Neither payload nor FIN, nor a probe in their place.
pub fn quiesce_stops_new_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.set_switches(Switches { tx_quiesce: true, ..ON });
    t.send(1500);
    t.close();
    silence!(t, until 100_000 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, at 100_040 ms, ACK, seq 1, ack 11);
    t.set_switches(ON);
    expect!(t, ACK, seq 1, ack 11, len 1000);
    expect!(t, FIN | ACK, seq 1001, ack 11, len 500);
}

/// What is under way is brought home, which is what draining means.
pub fn quiesce_does_not_stop_retransmission(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 1000);
    t.set_switches(Switches { tx_quiesce: true, ..ON });
    t.send(1000);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 100_000 ms);
    assert_eq!(t.state(), State::Established);
}

/// A path that turns out narrower.
pub fn smaller_mss_cuts_what_is_lost(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(2000);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 1000);
    expect!(t, at 0 ms, ACK, seq 1001, ack 1, len 1000);
    t.set_mss(400);
    for at in (0..2000).step_by(400) {
        t.expect(Some(0), Seg::new(ACK).seq(1 + at).ack(1).len(400));
    }
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 400);
    silence!(t);
    inject!(t, ACK, seq 1, ack 401);
    expect!(t, ACK, seq 401, ack 1, len 400);
    expect!(t, ACK, seq 801, ack 1, len 400);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1201);
    expect!(t, ACK, seq 1201, ack 1, len 400);
    expect!(t, ACK | PSH, seq 1601, ack 1, len 400);
    silence!(t);
}

/// The lower of both sides' limits, and it stays one when the path widens.
//= rfc9293#3.7.1 MUST-14 MUST-16
pub fn peer_mss_limits(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(500), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(500);
    expect!(t, ACK, seq 1, ack 1, len 500);
    t.set_mss(9000);
    t.send(1000);
    expect!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1001, ack 1, len 500);
}

/// Then no ACK of its own is needed.
pub fn payload_carries_the_ack(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.send(50);
    expect!(t, ACK, seq 1, ack 101, len 50);
    inject!(t, ACK, seq 101, ack 51);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 2, rx_bytes: 100, tx_segments: 1, tx_bytes: 50,
    );
}

/// RFC 5681 4.1: what was known about the path is out of date.
//= rfc5681#4.1 RFC5681-4.1-1
pub fn idle_connection_starts_over(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 5, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(15_000);
    assert_eq!(t.drain(), 5);
    inject!(t, ACK, seq 1, ack 5001);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 15_001);
    silence!(t, until 10_000 ms);
    t.send(30_000);
    assert_eq!(t.drain(), 5);
}

/// As configured: a path that is used from time to time is what it was.
pub fn idle_connection_may_keep_its_window(bench: &mut dyn Bench) {
    let config = Config { slow_start_after_idle: false, ..Config::default() };
    let setup = Setup { config, ..Setup::default() };
    let mut t = Trace::established(bench, setup, Peer::default());
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 20);
    inject!(t, ACK, seq 1, ack 30_001);
    silence!(t, until 10_000 ms);
    t.send(60_000);
    assert_eq!(t.drain(), 40);
}
