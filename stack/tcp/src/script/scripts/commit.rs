//! The commit rule: no ACK covers a byte, or a FIN, that the owner has not confirmed to be where the
//! application sees it. Scripts end early for an owner that cannot hold delivery back.

use crate::script::*;
use crate::{Config, Ended, State, TimeWait};

fn stalled(bench: &mut dyn Bench, setup: Setup) -> Option<Trace> {
    let mut t = Trace::established(bench, setup, Peer::default());
    t.stall(true).then_some(t)
}

/// Neither the second segment nor the timer makes an ACK, as long as it would say nothing.
pub fn ack_stops_at_what_is_delivered(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 10_000 ms);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    t.recv_nothing();
}

/// At once, when it was due.
pub fn delivery_releases_the_ack(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 10 ms);
    assert!(t.stall(false));
    expect!(t, at 10 ms, ACK, seq 1, ack 2001, win 62_512);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, at 50 ms, ACK, seq 1, ack 3001);
    t.recv(3000);
}

/// The end of the stream is delivered too.
pub fn fin_is_not_acknowledged_before_delivery(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    assert_eq!(t.state(), State::CloseWait);
    silence!(t, until 1000 ms);
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    assert!(t.stall(false));
    expect!(t, ACK, seq 1, ack 12);
}

/// It must carry the ACK of the peer's, see `may_send_fin`. Payload need not wait.
pub fn fin_of_the_second_to_close_waits_for_delivery(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, FIN | ACK, seq 1, ack 1);
    t.send(10);
    t.close();
    assert_eq!(t.state(), State::LastAck);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 2, ack 11);
    silence!(t, until 10_000 ms);
    assert!(t.stall(false));
    expect!(t, FIN | ACK, seq 11, ack 2);
    silence!(t);
}

/// The right edge that the peer was told does not depend on where the ACK stands.
//= rfc9293#3.8.6 SHLD-14
pub fn window_counts_what_waits(bench: &mut dyn Bench) {
    let setup = Setup { rcv_buf: 5 << 10, ..Setup::default() };
    let Some(mut t) = stalled(bench, setup) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, win 5120);
    assert!(t.stall(false));
    t.send(10);
    inject!(t, ACK, seq 1001, ack 11);
    expect!(t, ACK, seq 11, ack 1001, len 10, win 4120);
}

/// The peer must learn of the gap, though the number it gets is behind.
pub fn gap_is_answered_with_what_is_delivered(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    assert!(t.stall(false));
    silence!(t, until 35 ms);
    expect!(t, at 40 ms, ACK, seq 1, ack 1001);
}

/// Part of it is acknowledged, the rest stays owed.
pub fn payload_carries_the_delivered_ack(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 101, ack 11);
    silence!(t, until 1000 ms);
    assert!(t.stall(false));
    expect!(t, at 1000 ms, ACK, seq 11, ack 101);
}

/// Even a closed connection keeps the rule.
pub fn last_word_waits_for_delivery(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let Some(mut t) = stalled(bench, Setup { config, ..Setup::default() }) else { return };
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2, len 10);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    silence!(t, until 1000 ms);
    assert!(t.stall(false));
    expect!(t, ACK, seq 2, ack 12);
    t.recv(10);
}

/// A peer that lost the connection resets at the number that it is given.
pub fn reset_that_answers_a_held_back_ack_counts(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, RST, seq 501);
    silence!(t);
    inject!(t, RST, seq 1002);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, RST, seq 1);
    assert_eq!(t.ended(), Some(Ended::Reset));
}
