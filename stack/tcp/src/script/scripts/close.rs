//! Closing: RFC 9293 3.6, 3.10.4 and 3.10.7.4.

use crate::script::*;
use crate::{Config, Ended, GaveUp, State, TimeWait};
use mafo_mem::Nanos;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// RFC 9293 figure 12.
//= rfc9293#3.6.1 MUST-13
pub fn we_close_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::FinWait1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::FinWait2);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 59_900 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 60_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}

/// The same from the other side.
//= rfc9293#3.6 MUST-12
pub fn peer_closes_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::CloseWait);
    assert!(t.is_at_end());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::LastAck);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Finished));
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}

/// We send no more, the peer goes on.
pub fn half_closed_by_us(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 2, len 1000);
    expect!(t, ACK, seq 2, ack 2001);
    assert_eq!(t.state(), State::FinWait2);
    inject!(t, FIN | ACK, seq 2001, ack 2, len 500);
    expect!(t, ACK, seq 2, ack 2502);
    t.recv(2500);
    assert!(t.is_at_end());
    assert_eq!(t.state(), State::TimeWait);
    counted!(t, rx_segments: 3, rx_bytes: 2500, tx_segments: 3, tx_acks: 2);
}

/// The peer sends no more, we go on.
pub fn half_closed_by_the_peer(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 2);
    t.send(1500);
    expect!(t, ACK, seq 1, ack 2, len 1000);
    silence!(t);
    inject!(t, ACK, seq 2, ack 1001);
    expect!(t, ACK, seq 1001, ack 2, len 500);
    t.close();
    expect!(t, FIN | ACK, seq 1501, ack 2);
    inject!(t, ACK, seq 2, ack 1502);
    silence!(t);
    assert_eq!(t.ended(), Some(Ended::Finished));
}

/// RFC 9293 figure 13.
pub fn both_close_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::Closing);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::TimeWait);
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}

/// FIN costs no segment of its own when it comes in time.
pub fn fin_rides_on_the_last_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1500);
    t.close();
    expect!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, FIN | ACK | PSH, seq 1001, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1501);
    silence!(t);
    assert_eq!(t.state(), State::FinWait1);
    inject!(t, ACK, seq 1, ack 1502);
    assert_eq!(t.state(), State::FinWait2);
}

/// FIN-WAIT-1 straight to TIME-WAIT.
pub fn fin_and_ack_of_fin_in_one_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
}

/// FIN is retransmitted like payload.
pub fn fin_is_retransmitted_with_backoff(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, at 0 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 600 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 1400 ms, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 10_000 ms);
    counted!(t, retransmits: 3, timeouts: 3, negative_advice: 1, tx_segments: 4, rx_segments: 1);
}

/// Payload and FIN that were sent apart go out again together.
pub fn lost_fin_is_sent_again_behind_lost_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(400);
    expect!(t, ACK | PSH, seq 1, ack 1, len 400);
    t.close();
    expect!(t, FIN | ACK, seq 401, ack 1);
    expect!(t, at 200 ms, FIN | ACK | PSH, seq 1, ack 1, len 400);
    inject!(t, ACK, seq 1, ack 402);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::FinWait2);
}

/// RFC 9293 3.10.7.4, eighth: acknowledged again, and the time starts over.
pub fn fin_again_in_time_wait(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    silence!(t, until 30_000 ms);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    silence!(t, until 89_000 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 91_000 ms);
    assert_eq!(t.state(), State::Closed);
}

/// A FIN behind a gap is remembered.
pub fn fin_out_of_order_waits_for_the_gap(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1001, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::Established);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1502);
    assert_eq!(t.state(), State::CloseWait);
    t.recv(1500);
    assert!(t.is_at_end());
    counted!(t, rx_segments: 2, rx_held: 1, rx_bytes: 1500, tx_segments: 2, tx_acks: 2);
}

/// The gap is made known even when nothing but a FIN came beyond it.
pub fn bare_fin_out_of_order_is_answered(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1001, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 1000 ms);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1002);
    assert_eq!(t.state(), State::CloseWait);
}

/// An owner that keeps TIME-WAIT itself gets the connection closed, with its last ACK to be sent.
pub fn time_wait_kept_by_the_owner(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    inject!(t, FIN | ACK, seq 1, ack 2, len 10);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::TimeWait)));
    expect!(t, ACK, seq 2, ack 12);
    silence!(t, until 100_000 ms);
    t.recv(10);
    assert!(t.is_at_end());
}

/// The peer's FIN has been acknowledged already: nothing is left to be said.
pub fn simultaneous_close_with_time_wait_kept_by_the_owner(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
}

/// RFC 6191.
//= rfc9293#3.6.1 MAY-2
//= rfc6191#2 RFC6191-2-2
pub fn time_wait_yields_to_a_newer_syn(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN, seq 100_000, mss 1000);
    t.begin_anew();
    expect!(t, SYN | ACK, seq 0, ack 100_001, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
}

/// An old SYN of the same connection gets the ACK that any old segment gets.
//= rfc9293#3.6.1 SHLD-4
//= rfc6191#2 RFC6191-2-3
pub fn time_wait_does_not_yield_to_an_old_syn(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
    // RFC 6191 2: a timestamp tells before the sequence number does.
    let mut t = Trace::accepted(bench, Setup::modern(), Peer::modern());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2, tsval 1000);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN, seq 5000, mss 1000, tsval 999);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
}

/// A FIN takes a sequence number, and the peer's window must have it.
pub fn fin_waits_for_the_window(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(1000);
    t.close();
    expect!(t, ACK | PSH, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    expect!(t, at 200 ms, ACK, seq 1000, ack 1);
    inject!(t, ACK, seq 1, ack 1001, win 1);
    expect!(t, FIN | ACK, seq 1001, ack 1);
    inject!(t, ACK, seq 1, ack 1002, win 0);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::FinWait2);
}

/// A peer that never acknowledges our FIN is given up.
pub fn fin_gives_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, at 0 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 600 ms, FIN | ACK, seq 1, ack 1);
    silence!(t, until 1390 ms);
    assert_eq!(t.state(), State::FinWait1);
    silence!(t, until 1410 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
    counted!(t, tx_segments: 3, retransmits: 2, timeouts: 2, timed_out: 1);
}

/// A peer that never closes, where the owner does not wait for ever.
pub fn fin_wait2_times_out(bench: &mut dyn Bench) {
    let config = Config { fin_wait2: Some(Nanos::from_secs(10)), ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 9_990 ms);
    assert_eq!(t.state(), State::FinWait2);
    silence!(t, until 10_010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::FinWait2)));
    counted!(t, rx_segments: 1, tx_segments: 1, timed_out: 1);
}

/// Once the end is known, nothing beyond it is taken.
pub fn payload_beyond_a_held_fin_is_cut(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 101, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 300);
    expect!(t, ACK, seq 1, ack 102);
    silence!(t);
    t.recv(100);
    t.recv_nothing();
    assert!(t.is_at_end());
    inject!(t, ACK, seq 102, ack 1, len 50);
    silence!(t);
    t.recv_nothing();
    counted!(
        t, rx_segments: 3, rx_bytes: 100, rx_drop_after_fin: 1, tx_segments: 2, tx_acks: 2,
    );
}

/// Closing once more changes nothing.
pub fn close_twice(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2);
    t.close();
    silence!(t);
    assert_eq!(t.state(), State::FinWait2);
}
