//! What is sent again: RFC 6298, RFC 5681, RFC 6582, RFC 2018, RFC 6675, RFC 3042.

use crate::script::*;
use crate::{Config, Ended, GaveUp};

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// To a peer 100 ms away: a segment that is overtaken is given 25 ms, a quarter of that, to come.
fn with_sack(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { sack: true, ..Setup::default() };
    Trace::established_after(bench, setup, Peer { sack: true, ..Peer::default() }, 100)
}

/// RFC 5681 3.2; afterwards the window is half of what was in flight.
//= rfc5681#3.2 RFC5681-3.2-3
//= rfc6582#3.2 RFC6582-3.2-4
pub fn third_duplicate_ack_sends_again(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(10_000);
    assert_eq!(t.drain(), 5);
    counted!(
        t, rx_segments: 4, rx_dup_acks: 3, fast_recoveries: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 16, tx_bytes: 15_000,
    );
}

/// RFC 3042.
//= rfc5681#3.2 RFC5681-3.2-5 RFC5681-3.2-6
//= rfc3042#2 RFC3042-2-1 RFC3042-2-2 RFC3042-2-3
pub fn first_two_duplicate_acks_let_new_segments_out(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(13_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
}

/// RFC 6582: segments 1, 3 and 5 are lost, and there is no SACK.
//= rfc6298#5.2 RFC6298-5.2-1
//= rfc6582#3.2 RFC6582-3.2-2 RFC6582-3.2-3
pub fn partial_acks_repair_hole_after_hole(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    for _ in 0..7 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 4001);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 10_000 ms);
    counted!(
        t, rx_segments: 10, rx_dup_acks: 7, fast_recoveries: 1, retransmits: 3,
        retransmitted_bytes: 3000, tx_segments: 13, tx_bytes: 10_000,
    );
}

/// RFC 8985 and RFC 9937: segments 1, 3 and 5 of 10 are lost. What three reported segments overtook is
/// lost; each that arrives lets one of the lost out.
//= rfc6675#5 RFC6675-5-2 RFC6675-5-4 RFC6675-5-3
//= rfc2018#5 RFC2018-5-2
//= rfc8985#6.2 RFC8985-6.2-4
//= rfc8985#9.3 RFC8985-9.3-1
pub fn sack_repairs_holes_in_one_round_trip(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 1, ack 1, sack [(3001, 4001), (1001, 2001)]);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 6001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 7001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 8001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 10_001), (3001, 4001), (1001, 2001)]);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 10_000 ms);
    counted!(
        t, rx_segments: 7, rx_dup_acks: 6, fast_recoveries: 1, retransmits: 3,
        retransmitted_bytes: 3000, tx_segments: 13, tx_bytes: 10_000,
    );
}

/// RFC 9937: 10 were in flight, `ssthresh` is 5: one goes out for two that arrive. RFC 6675 would wait
/// for half the flight first, and then send one for one.
//= rfc6675#4 RFC6675-4-1
//= rfc6675#5 RFC6675-5-1 RFC6675-5-2 RFC6675-5-5
//= rfc9937#6 RFC9937-6-1
//= rfc9937#6.1 RFC9937-6.1-1
//= rfc9937#6.2 RFC9937-6.2-1 RFC9937-6.2-3
//= rfc9937#6.4 RFC9937-6.4-1
pub fn sack_reduces_proportionally(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    // Limited transmit, then the hole, then what is new; `None` where nothing goes out.
    let answers =
        [Some(10_001), Some(11_001), Some(1), None, Some(12_001), None, Some(13_001), None, None];
    for (n, answer) in answers.into_iter().enumerate() {
        let end = 2001 + n as u32 * 1000;
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        if let Some(seq) = answer {
            t.expect(None, Seg::new(ACK).seq(seq).ack(1).len(1000));
        }
        silence!(t);
    }
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 12_001);
    // Two are in flight, and the window is `ssthresh`.
    assert_eq!(t.drain(), 3);
}

/// It may be reordering.
pub fn sack_of_two_segments_waits(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 3001)]);
    silence!(t, until 220 ms);
    inject!(t, ACK, seq 1, ack 3001);
    silence!(t, until 300 ms);
    counted!(t, rx_segments: 2, rx_dup_acks: 1, tx_segments: 4, tx_bytes: 4000);
}

/// A block that cannot be true counts for nothing.
pub fn sack_beyond_what_was_sent_is_ignored(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    for _ in 0..5 {
        inject!(t, ACK, seq 1, ack 1, sack [(3001, 5001), (2001, 1001), (0, 1)]);
    }
    silence!(t, until 300 ms);
    counted!(t, rx_segments: 5, rx_sack_ignored: 15, tx_segments: 4, tx_bytes: 4000);
}

/// RFC 6298 5.5.
//= rfc9293#3.8.2 MUST-19
//= rfc9293#3.8.3 SHLD-11
//= rfc6298#5.1 RFC6298-5.1-1
//= rfc6298#5.4 RFC6298-5.4-1
//= rfc6298#5.5 RFC6298-5.5-1
//= rfc6298#5.6 RFC6298-5.6-1
//= rfc8985#4 RFC8985-4-1
pub fn timeout_backs_off(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    for at in [0, 200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000, 102_200, 162_200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    counted!(
        t, tx_segments: 11, tx_bytes: 1000, retransmits: 10, timeouts: 10, negative_advice: 1,
        retransmitted_bytes: 10_000,
    );
}

/// RFC 5681 3.1: one segment, then slow start to half of what was in flight.
//= rfc5681#3.1 RFC5681-3.1-6 RFC5681-3.1-8
pub fn timeout_starts_slowly(bench: &mut dyn Bench) {
    let config = Config { frto: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 3001);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 7001);
    assert_eq!(t.drain(), 5, "three lost ones and two new ones, within half of ten");
    inject!(t, ACK, seq 1, ack 9001);
    assert_eq!(t.drain(), 3, "two for those that left, and five acknowledged are one more");
}

/// RFC 6675 5.1.
//= rfc6675#5.1 RFC6675-5.1-1
//= rfc2018#5 RFC2018-5-2
pub fn timeout_keeps_what_sack_reported(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(6000);
    assert_eq!(t.drain(), 6);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 3001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 520 ms);
    expect!(t, at 527 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 627 ms);
    // One of the three segments arrived just now: the window grows by one.
    inject!(t, ACK, seq 1, ack 3001);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    silence!(t);
}

/// RFC 2018 8: a receiver may drop what it reported.
//= rfc2018#8 RFC2018-8-1 RFC2018-8-2
pub fn reneging_receiver_is_sent_everything(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 3001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 327 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // Sent before what was just repaired, and still not here.
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
}

/// The timer started again with the retransmission.
pub fn lost_retransmission_times_out(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 100 ms);
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, at 100 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 290 ms);
    expect!(t, at 300 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    counted!(
        t, rx_segments: 3, rx_dup_acks: 3, fast_recoveries: 1, timeouts: 1, retransmits: 2,
        retransmitted_bytes: 2000, tx_segments: 12, tx_bytes: 10_000,
    );
}

/// RFC 6582 4: they answer what was sent again without need.
//= rfc6675#5.1 RFC6675-5.1-2
//= rfc6582#3.2 RFC6582-3.2-1
//= rfc6582#4 RFC6582-4-1
pub fn duplicate_acks_after_a_timeout_do_not_count(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 5001);
    t.send(1000);
    expect!(t, ACK, seq 5001, ack 1, len 1000);
    for _ in 0..5 {
        inject!(t, ACK, seq 1, ack 5001);
    }
    silence!(t, until 390 ms);
    counted!(
        t, rx_segments: 6, rx_dup_acks: 5, timeouts: 1, retransmits: 1, retransmitted_bytes: 1000,
        tx_segments: 7, tx_bytes: 6000,
    );
}

/// RFC 6298 5.3.
//= rfc6298#5.3 RFC6298-5.3-1
pub fn new_ack_restarts_the_timer(bench: &mut dyn Bench) {
    let config = Config { rto_restart: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 160 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 370 ms);
    expect!(t, at 380 ms, ACK, seq 1001, ack 1, len 1000);
}

/// RFC 6298 2.2: 300 ms, and four times half of it.
//= rfc9293#3.8.1 MUST-18
//= rfc6298#3 RFC6298-3-2
//= rfc6298#2.2 RFC6298-2.2-1
pub fn timeout_follows_the_round_trip(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    silence!(t, until 300 ms);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.send(100);
    expect!(t, at 300 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 1190 ms);
    expect!(t, at 1200 ms, ACK, seq 1, ack 1, len 100);
}

/// RFC 6298 3 (Karn): so the timeout stays backed off.
//= rfc9293#3.8.1 MUST-18
//= rfc6298#3 RFC6298-3-1
pub fn retransmission_gives_no_sample(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 100);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 250 ms);
    inject!(t, ACK, seq 1, ack 101);
    t.send(100);
    expect!(t, at 250 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 640 ms);
    expect!(t, at 650 ms, ACK, seq 101, ack 1, len 100);
}

/// RFC 7323 4.1: the echo says which of both arrived. The sample of 80 ms counts an eighth.
pub fn echoed_timestamp_does(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    t.send(100);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 100);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 280 ms);
    inject!(t, ACK, seq 1, ack 101);
    t.send(100);
    expect!(t, at 280 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 480 ms);
    expect!(t, at 490 ms, ACK, seq 101, ack 1, len 100);
}

/// The ACK of the first transmission was lost, and comes again for the second: its echo has waited.
//= rfc6298#3 RFC6298-3-1
pub fn echo_of_the_first_transmission_is_no_sample(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::modern() }, Peer::modern());
    silence!(t, until 10 ms);
    t.send(100);
    expect!(t, at 10 ms, ACK, seq 1, ack 1, len 100, tsval 10);
    expect!(t, at 210 ms, ACK, seq 1, ack 1, len 100, tsval 210);
    inject!(t, ACK, seq 1, ack 101, tsecr 10);
    t.send(100);
    expect!(t, at 210 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 600 ms);
    expect!(t, at 610 ms, ACK, seq 101, ack 1, len 100);
}

/// RFC 9293 MUST-20.
//= rfc9293#3.8.3 MUST-20
pub fn gives_up_after_so_many(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
    }
    silence!(t, until 2990 ms);
    assert_eq!(t.ended(), None);
    silence!(t, until 3010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}

/// RFC 5681 2: the window must be the same.
pub fn window_updates_are_no_duplicates(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    inject!(t, ACK, seq 1, ack 1, win 60_000);
    inject!(t, ACK, seq 1, ack 1, win 61_000);
    inject!(t, ACK, seq 1, ack 1, win 62_000);
    inject!(t, ACK, seq 1, ack 1, win 63_000);
    inject!(t, ACK, seq 1, ack 1, win 63_000, len 10);
    silence!(t);
    counted!(
        t, rx_segments: 5, rx_predicted: 1, rx_bytes: 10, tx_segments: 5, tx_bytes: 5000,
    );
}

/// Fewer segments, fewer chances to be lost again.
pub fn tail_of_small_segments_is_sent_again_as_one(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    for _ in 0..3 {
        t.send(100);
        t.drain();
    }
    expect!(t, at 200 ms, ACK | PSH, seq 1, ack 1, len 300);
    silence!(t);
    counted!(
        t, tx_segments: 4, tx_bytes: 300, retransmits: 1, retransmitted_bytes: 300, timeouts: 1,
    );
}

/// RFC 1122 4.2.3.5: R2 counts what is sent again in vain.
//= rfc1122#4.2.3.5 RFC1122-4.2.3.5-1
pub fn progress_starts_the_count_of_retransmissions_anew(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    for at in [200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    silence!(t, until 700 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // Three more: five in all.
    t.skip_until(100_000);
    t.counters_of(|counters| assert_eq!((counters.timed_out, counters.timeouts), (1, 5)));
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}

/// RFC 7323 4.1: an ACK that acknowledges nothing new has an echo too; it says nothing of the round trip.
//= rfc7323#4.1 RFC7323-4.1-1
pub fn echo_without_progress_is_no_sample(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::modern() }, Peer::modern());
    t.send(100);
    for at in [0, 200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
        t.inject(Seg::new(ACK).seq(1).ack(1));
    }
    silence!(t, until 1390 ms);
    expect!(t, at 1400 ms, ACK, seq 1, ack 1, len 100);
}

/// RFC 7323 3.2: a SYN without ACK acknowledges nothing, whatever its TSecr says.
//= rfc7323#3.2 RFC7323-3.2-7
pub fn echo_in_a_bare_syn_is_no_sample(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.connect();
    t.expect(Some(0), t.syn());
    t.expect(Some(1000), t.syn());
    silence!(t, until 1100 ms);
    t.inject(t.peer_syn(SYN).tsecr(0));
    t.expect(None, t.syn_ack());
    silence!(t, until 1200 ms);
    inject!(t, ACK, seq 1, ack 1);
    t.send(100);
    expect!(t, at 1200 ms, ACK, seq 1, ack 1, len 100);
    // 100 ms and four times half of it; the SYN's echo would be 1100.
    silence!(t, until 1490 ms);
    expect!(t, at 1500 ms, ACK, seq 1, ack 1, len 100);
}
