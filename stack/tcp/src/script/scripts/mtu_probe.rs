//! Paths that drop long segments without a word, and the search for what they carry: RFC 4821.

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Config, MtuProbing};

fn with_probing(bench: &mut dyn Bench, mtu_probing: MtuProbing) -> Trace {
    let config = Config {
        mtu_probing,
        mtu_probe_base: 500,
        mtu_probe_interval: Nanos::from_secs(100),
        initial_window_segments: 40,
        ..Config::default()
    };
    Trace::established(bench, Setup { config, ..Setup::nodelay() }, Peer::default())
}

/// Three timeouts in a row: shorter segments, which arrive.
//= rfc4821#7.7 RFC4821-7.7-1
pub fn black_hole_makes_segments_short(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(1000);
    for at in [0, 200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    expect!(t, at 1400 ms, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 501);
    expect!(t, ACK, seq 501, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(1200);
    expect!(t, ACK, seq 1001, ack 1, len 500);
    expect!(t, ACK, seq 1501, ack 1, len 500);
    expect!(t, ACK, seq 2001, ack 1, len 200);
}

/// As Linux: half as long again, and never shorter than 48 bytes.
pub fn deeper_black_hole_makes_them_shorter(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(1000);
    t.skip_until(1399);
    for (at, len) in
        [(1400, 500), (3000, 250), (6200, 125), (12_600, 62), (25_400, 48), (51_000, 48)]
    {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(len));
    }
}

/// Length is not what stops them.
pub fn short_segments_make_no_black_hole(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(400);
    for at in [0, 200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(400));
    }
    inject!(t, ACK, seq 1, ack 401);
    t.send(1000);
    expect!(t, at 6200 ms, ACK, seq 401, ack 1, len 1000);
}

/// Nor where it is not asked for.
pub fn black_holes_are_not_looked_for_by_default(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Off);
    t.send(1000);
    for at in [0, 200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
}

/// RFC 4821 7.4: a longer segment of bytes that are sent anyway, with enough behind it to find its loss by.
//= rfc4821#7.2 RFC4821-7.2-1
//= rfc4821#7.3 RFC4821-7.3-1
pub fn probe_that_arrives_makes_segments_longer(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 750);
    for at in [751, 1251, 1751, 2251] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    expect!(t, ACK, seq 2751, ack 1, len 250);
    inject!(t, ACK, seq 1, ack 3001);
    t.send(5000);
    expect!(t, ACK, seq 3001, ack 1, len 875);
    expect!(t, ACK, seq 3876, ack 1, len 750);
    t.drain();
    inject!(t, ACK, seq 1, ack 8001);
    t.send(900);
    expect!(t, ACK, seq 8001, ack 1, len 875);
    expect!(t, ACK, seq 8876, ack 1, len 25);
}

/// RFC 4821 7.6.2: a probe that alone is lost says nothing about congestion.
//= rfc4821#7.6.2 RFC4821-7.6.2-1
//= rfc4821#7.3 RFC4821-7.3-1
pub fn probe_that_is_lost_is_sent_again_in_short_segments(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(3000);
    assert_eq!(t.drain(), 6);
    t.restart_counters();
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 501, ack 1, len 250);
    counted!(
        t, rx_segments: 3, rx_dup_acks: 3, mtu_probes_lost: 1, tx_segments: 2, retransmits: 2,
        retransmitted_bytes: 750,
    );
    inject!(t, ACK, seq 1, ack 3001);
    // The next one is in the middle of what is left: 500 to 749.
    t.send(3000);
    expect!(t, ACK, seq 3001, ack 1, len 624);
}

/// Without SACK's gap a probe needs bytes behind it; a window that would be filled has none to spare.
//= rfc4821#7.4 RFC4821-7.4-1
pub fn probe_needs_bytes_behind_it(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(2700);
    for at in [1, 501, 1001, 1501, 2001] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    expect!(t, ACK, seq 2501, ack 1, len 200);
    inject!(t, ACK, seq 1, ack 2701, win 2700);
    t.send(5000);
    expect!(t, ACK, seq 2701, ack 1, len 500);
}

/// A search that has found what it can rests, and then looks again: paths change.
//= rfc4821#7.3 RFC4821-7.3-2
pub fn search_begins_anew_after_a_while(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    let mut next = 1;
    // All probes are lost: 750, 624, 561, 530, 514, 506, and 500 to 505 is known well enough.
    for len in [750, 624, 561, 530, 514, 506] {
        t.send(4000);
        t.expect(None, Seg::new(ACK).seq(next).ack(1).len(len));
        t.drain();
        for _ in 0..3 {
            t.inject(Seg::new(ACK).seq(1).ack(next));
        }
        t.drain();
        next += 4000;
        t.inject(Seg::new(ACK).seq(1).ack(next));
    }
    t.send(4000);
    t.expect(None, Seg::new(ACK).seq(next).ack(1).len(500));
    t.drain();
    next += 4000;
    t.inject(Seg::new(ACK).seq(1).ack(next));
    t.skip_until(100_000);
    t.send(4000);
    t.expect(None, Seg::new(ACK).seq(next).ack(1).len(750));
}

/// RFC 4821 7.3: what a router says is a limit for the search.
pub fn reported_mtu_limits_the_search(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(1000);
    assert_eq!(t.drain(), 2);
    t.too_big(1, 600);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(4000);
    expect!(t, ACK, seq 1001, ack 1, len 550);
}
