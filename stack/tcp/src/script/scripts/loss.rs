//! What is lost, and what only seemed so: RACK-TLP (RFC 8985), F-RTO (RFC 5682), Eifel (RFC 3522), DSACK
//! (RFC 2883, RFC 3708), restart of the timer (RFC 7765).

use crate::Config;
use crate::script::*;

/// Both ends do SACK; the peer is 100 ms away.
fn with_sack(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { sack: true, ..Setup::default() };
    Trace::established_after(bench, setup, Peer { sack: true, ..Peer::default() }, 100)
}

/// As [`with_sack`], and timestamps.
fn modern(bench: &mut dyn Bench) -> Trace {
    let mut t = Trace::established_after(bench, Setup::modern(), Peer::modern(), 100);
    // The window of a SYN is not scaled.
    inject!(t, ACK, seq 1, ack 1);
    t.restart_counters();
    t
}

/// Without SACK, and so without RACK and TLP.
fn plain(bench: &mut dyn Bench) -> Trace {
    Trace::established_after(bench, Setup::default(), Peer::default(), 100)
}

/// RFC 8985 6.2: a quarter of a round trip, and the slack of timers, after it was overtaken.
//= rfc8985#6.2 RFC8985-6.2-5 RFC8985-6.2-7 RFC8985-6.2-8
pub fn overtaken_segment_is_lost_after_the_reordering_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    silence!(t, until 226 ms);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 2, rx_dup_acks: 1, reorder_timeouts: 1, fast_recoveries: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 3, tx_bytes: 2000,
    );
}

/// RFC 9937: recovery that a timer begins sends one segment, as one that an ACK begins.
pub fn reordering_timeout_begins_the_reduction(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(9001, 10_001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(8001, 10_001)]);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t);
}

/// RFC 8985 6.2 step 4: once the path was seen to reorder, three duplicates prove nothing.
//= rfc8985#6.2 RFC8985-6.2-5
pub fn path_that_reorders_is_given_time(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 1, ack 2001);
    t.send(8000);
    assert_eq!(t.drain(), 8);
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 8001)]);
    silence!(t, until 320 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 4, rx_dup_acks: 2, tx_segments: 10, tx_bytes: 10_000,
    );
}

/// RFC 8985 3.2: what was sent again is overtaken by what was sent after it.
//= rfc8985#4 RFC8985-4-2
//= rfc8985#6.2 RFC8985-6.2-7
pub fn lost_retransmission_is_sent_again_without_a_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    for end in [2001, 3001, 4001] {
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        t.drain();
    }
    silence!(t, until 210 ms);
    t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, 10_001)]));
    expect!(t, ACK, seq 12_001, ack 1, len 1000);
    expect!(t, ACK, seq 13_001, ack 1, len 1000);
    silence!(t);
    silence!(t, until 310 ms);
    // It has arrived, and the first retransmission has not.
    t.inject(Seg::new(ACK).seq(1).ack(1).sack([(12_001, 13_001), (1001, 10_001)]));
    expect!(t, ACK, seq 1, ack 1, len 1000);
}

/// RFC 8985 7.3: no ACK, and nothing new to send. The answer shows what is lost.
//= rfc8985#7.2 RFC8985-7.2-1
//= rfc8985#7.3 RFC8985-7.3-1
pub fn tail_loss_is_repaired_by_a_probe(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 2001);
    // The timeout of a short flight (RFC 7765) would come sooner than two round trips.
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 4001, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(4001, 5001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t, until 600 ms);
    inject!(t, ACK, seq 1, ack 3001);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t, until 700 ms);
    inject!(t, ACK, seq 1, ack 5001);
    silence!(t, until 9000 ms);
    counted!(
        t, rx_segments: 4, rx_predicted: 1, rx_dup_acks: 1, tail_probes: 1, fast_recoveries: 1,
        retransmits: 3, retransmitted_bytes: 3000, tx_segments: 8, tx_bytes: 5000,
    );
}

/// RFC 8985 7.4.2: what the probe carried was all that was lost, which is a loss like any other.
//= rfc8985#7.4.2 RFC8985-7.4.2-1
pub fn single_loss_that_a_probe_repairs_halves_the_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 9001);
    expect!(t, at 400 ms, ACK, seq 9001, ack 1, len 1000);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 11_001);
    t.counters_of(|counters| assert_eq!(counters.tail_probe_repairs, 1));
    t.send(20_000);
    silence!(t);
    // Half of the nine that were in flight, and one for a window's worth of ACKs.
    inject!(t, ACK, seq 1, ack 17_001);
    assert_eq!(t.drain(), 2, "five in flight");
}

/// RFC 8985 7.3: new payload is the better probe, and the window of the path does not hold it back.
//= rfc8985#7.3 RFC8985-7.3-1
//= rfc8985#7.2 RFC8985-7.2-1
pub fn probe_carries_new_payload(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(12_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 302 ms, ACK, seq 10_001, ack 1, len 1000);
    silence!(t, until 402 ms);
    inject!(t, ACK, seq 1, ack 11_001);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t, until 500 ms);
    counted!(t, rx_segments: 1, rx_predicted: 1, tail_probes: 1, tx_segments: 12, tx_bytes: 12_000);
}

/// RFC 8985 7.4.2: both copies arrived; nothing was lost.
//= rfc8985#7.4.2 RFC8985-7.4.2-2
//= rfc2883#5 RFC2883-5-1
pub fn probe_that_was_needless_costs_nothing(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 310 ms);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001, sack [(1001, 2001)]);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 1, rx_dsacks: 1, tail_probes: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 3, tx_bytes: 2000,
    );
}

/// RFC 8985 7.2: no second probe; the timeout follows.
//= rfc8985#7.3 RFC8985-7.3-2 RFC8985-7.3-3
pub fn probe_is_followed_by_the_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 601 ms);
    expect!(t, at 602 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 1201 ms);
    expect!(t, at 1202 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, tail_probes: 1, timeouts: 2, retransmits: 3, retransmitted_bytes: 3000, tx_segments: 5,
        tx_bytes: 2000,
    );
}

/// RFC 8985 7.3: one probe a tail, whatever else is acknowledged meanwhile.
//= rfc8985#7.3 RFC8985-7.3-2
pub fn one_probe_at_a_time(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 310 ms);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(2000);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.timeouts), (1, 2)));
}

/// RFC 8985 7.2: a single segment's ACK may be delayed, so the probe waits 200 ms longer, and no
/// longer than the timeout would.
//= rfc8985#7.2 RFC8985-7.2-2 RFC8985-7.2-3
pub fn single_segment_is_probed_no_later_than_the_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 100);
    counted!(
        t, tail_probes: 1, retransmits: 1, retransmitted_bytes: 100, tx_segments: 2, tx_bytes: 100,
    );
}

/// RFC 5682 3.1: the ACK of what was sent again lets new payload out; that the rest was only late is
/// seen by its own ACK, and the window is what it was.
//= rfc5682#2.1 RFC5682-2.1-4
//= rfc5682#3.1 RFC5682-3.1-1
pub fn spurious_timeout_is_taken_back(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let setup = Setup { sack: true, config, ..Setup::default() };
    let peer = Peer { sack: true, ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 410 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 3001);
    assert_eq!(t.drain(), 3, "nine are in flight, ten may be, and slow start adds two");
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 14, "five are in flight, twelve may be, and slow start adds seven");
    counted!(
        t, rx_segments: 3, rx_predicted: 1, timeouts: 1, undo_frto: 1, retransmits: 1, retransmitted_bytes: 1000,
        tx_segments: 30, tx_bytes: 29_000,
    );
}

/// RFC 5682 3.1: SACK of the new payload says that the old is missing.
//= rfc5682#3.1 RFC5682-3.1-2
pub fn real_timeout_is_repaired_after_the_test(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let setup = Setup { sack: true, config, ..Setup::default() };
    let peer = Peer { sack: true, ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t, until 600 ms);
    inject!(t, ACK, seq 1, ack 1001, sack [(10_001, 11_001)]);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, sack [(10_001, 12_001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}

/// RFC 5682 3.1 step 1: a second timeout is repaired without a test.
pub fn second_timeout_is_believed(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    expect!(t, at 1100 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 1200 ms);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t);
}

/// RFC 5682 2.1: without SACK a duplicate ends the test before it began.
//= rfc5682#2.1 RFC5682-2.1-2
pub fn duplicate_without_sack_ends_the_test(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}

/// RFC 5682 2.1: nothing new may be sent, so there is no test.
//= rfc5682#2.1 RFC5682-2.1-3
pub fn no_new_payload_no_test(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(3000);
    assert_eq!(t.drain(), 3);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}

/// RFC 3522: the ACK echoes the timestamp of the first transmission.
//= rfc3522#3.2 RFC3522-3.2-1 RFC3522-3.2-2 RFC3522-3.2-3
//= rfc4015#3 RFC4015-3-1
pub fn late_segment_is_seen_by_its_timestamp(bench: &mut dyn Bench) {
    let mut t = modern(bench);
    silence!(t, until 110 ms);
    t.send(10_000);
    assert_eq!(t.drain(), 10, "of 988 bytes");
    silence!(t, until 210 ms);
    inject!(t, ACK, seq 1, ack 1, tsecr 110, sack [(989, 3953)]);
    expect!(t, ACK, seq 1, ack 1, len 988);
    silence!(t, until 215 ms);
    inject!(t, ACK, seq 1, ack 3953, tsecr 110);
    t.counters_of(|counters| assert_eq!(counters.undo_timestamp, 1));
    t.send(20_000);
    // 6 of the first 10 are in flight, and the window is 10 again.
    assert_eq!(t.drain(), 4);
}

/// RFC 3708: the peer had it twice, so it was not lost.
//= rfc2883#4 RFC2883-4-4
//= rfc3708#3 RFC3708-3-1
//= rfc4015#3 RFC4015-3-1
pub fn late_segment_is_seen_by_the_duplicate(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 205 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 300 ms);
    t.counters_of(|counters| assert_eq!(counters.undo_dsack, 0));
    inject!(t, ACK, seq 1, ack 10_001, sack [(1, 1001)]);
    t.counters_of(|counters| assert_eq!((counters.undo_dsack, counters.rx_dsacks), (1, 1)));
    t.send(20_000);
    assert_eq!(t.drain(), 10, "as before the loss");
}

/// RFC 8985 6.2 step 4: a duplicate widens the window of reordering.
//= rfc8985#6.2 RFC8985-6.2-6
pub fn duplicate_widens_the_reordering_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001, sack [(1, 1001)]);
    silence!(t, until 300 ms);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 400 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 4001)]);
    silence!(t, until 451 ms);
    expect!(t, at 452 ms, ACK, seq 2001, ack 1, len 1000);
}

/// RFC 7765 4: two segments are few; the timer counts from when the second was sent.
//= rfc7765#4 RFC7765-4-1
pub fn short_flight_times_out_from_its_oldest_segment(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // SRTT 100, and 200 more: 300 ms after 100 ms.
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1001, ack 1, len 1000);
}

/// RFC 7765 4: five segments can be repaired by duplicates.
//= rfc7765#4 RFC7765-4-2
pub fn long_flight_times_out_from_the_last_ack(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(6000);
    assert_eq!(t.drain(), 6);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 499 ms);
    expect!(t, at 500 ms, ACK, seq 1001, ack 1, len 1000);
}

/// RFC 3708 3: a report of what was sent before the episode proves nothing about it.
//= rfc3708#3 RFC3708-3-2
pub fn duplicate_of_before_the_episode_is_no_proof(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(9000);
    assert_eq!(t.drain(), 9);
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 1001, sack [(2001, 5001)]);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 400 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    inject!(t, ACK, seq 1, ack 10_001, sack [(1, 1001)]);
    t.counters_of(|counters| assert_eq!((counters.rx_dsacks, counters.undo_dsack), (1, 0)));
    inject!(t, ACK, seq 1, ack 10_001, sack [(1001, 2001)]);
    t.counters_of(|counters| assert_eq!((counters.rx_dsacks, counters.undo_dsack), (2, 1)));
}

/// RFC 8985 7.2: recovery asks by what it sends again; what that cannot tell, the timeout does.
//= rfc8985#7.2 RFC8985-7.2-4
pub fn recovery_sends_no_probe(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    for end in (2001..=10_001).step_by(1000) {
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        t.drain();
    }
    // New segments are in flight by now, and nobody answers them.
    t.skip_until(5000);
    t.counters_of(|counters| assert_eq!(counters.tail_probes, 0));
    t.counters_of(|counters| assert!(counters.timeouts > 0));
}
