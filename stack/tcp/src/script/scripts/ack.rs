//! When ACKs are sent: RFC 9293 3.8.6.3, RFC 5681 4.2.

use crate::State;
use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// RFC 9293 SHLD-19.
//= rfc9293#3.8.6.3 SHLD-18 SHLD-19
//= rfc5681#4.2 RFC5681-4.2-2 RFC5681-4.2-3
pub fn every_second_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 4, rx_predicted: 4, rx_bytes: 4000, tx_segments: 2, tx_acks: 2);
}

/// RFC 9293 MUST-58: less than half a second.
//= rfc9293#3.8.6.3 MUST-40 SHLD-18
//= rfc5681#4.2 RFC5681-4.2-1
pub fn delayed_by_a_timer(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 35 ms);
    expect!(t, at 40 ms, ACK, seq 1, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 1, rx_predicted: 1, rx_bytes: 1000, tx_segments: 1, tx_acks: 1,
        delayed_acks: 1,
    );
}

/// Each at once.
pub fn not_delayed_when_switched_off(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.switches.delayed_ack = false;
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 11);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21);
}

/// The switch may be turned while an ACK waits.
pub fn switching_delay_off_lets_go(bench: &mut dyn Bench) {
    let setup = Setup::default();
    let mut switches = setup.switches;
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10);
    silence!(t);
    switches.delayed_ack = false;
    t.set_switches(switches);
    expect!(t, ACK, seq 1, ack 11);
}

/// Segments that were taken together are acknowledged together.
//= rfc9293#3.10.7.4 MUST-58 MUST-59
pub fn a_burst_costs_one_ack(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in 0..5 {
        t.inject(Seg::new(ACK).seq(1 + at * 1000).ack(1).len(1000));
    }
    expect!(t, ACK, seq 1, ack 5001);
    silence!(t, until 1000 ms);
}

/// Each one, or the sender could not count them; also when they were taken together.
//= rfc9293#3.10.7.4 MAY-13
//= rfc5681#3.2 RFC5681-3.2-1
pub fn gaps_are_answered_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 3, rx_held: 3, tx_segments: 3, tx_acks: 3);
}

/// Also when part of the gap is left.
//= rfc5681#3.2 RFC5681-3.2-2
pub fn filled_gap_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 501);
    inject!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
    t.recv(4000);
}

/// Duplicates that had not been sent would now repeat the new number, and look like another loss.
//= rfc9293#3.10.7.4 MUST-59
pub fn filled_gap_in_a_burst_repeats_nothing(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [1001, 2001, 3001, 1] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(1000));
    }
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
}

/// Its sender does not know that it arrived.
pub fn duplicate_payload_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1001);
    inject!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 3, rx_predicted: 1, rx_bytes: 1000, rx_duplicates: 2, tx_segments: 2,
        tx_acks: 2,
    );
}

/// With or without a byte of rubbish (RFC 9293 3.8.4).
//= rfc1122#4.2.3.6 RFC1122-4.2.3.6-1
pub fn keepalive_probe_is_answered(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 0, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 0, ack 1, len 1);
    expect!(t, ACK, seq 1, ack 1);
    t.recv_nothing();
}

/// Or two confused stacks could answer each other for ever.
pub fn empty_keepalive_probes_are_answered_only_so_often(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for _ in 0..50 {
        inject!(t, ACK, seq 0, ack 1);
    }
    assert_eq!(t.drain(), 10);
    counted!(
        t, rx_segments: 50, rx_drop_window: 50, challenge_acks_limited: 40, tx_segments: 10,
        tx_acks: 10,
    );
}

/// The peer waits for it.
pub fn fin_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 12);
    assert_eq!(t.state(), State::CloseWait);
}

/// A retransmission of the peer that is not needed here acknowledges our bytes all the same.
pub fn of_a_duplicate_counts(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 2001, len 1000);
    expect!(t, ACK, seq 2001, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 1, rx_bytes: 1000, rx_duplicates: 1, tx_segments: 3,
        tx_bytes: 2000, tx_acks: 1,
    );
}

/// What it acknowledges has to have been sent.
pub fn of_a_duplicate_is_checked(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    inject!(t, ACK, seq 1, ack 5000, len 1000);
    expect!(t, ACK, seq 1001, ack 1001);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1001, ack 1001);
    silence!(t, until 1000 ms);
}
