//! Payload out of order: RFC 9293 3.10.7.4, RFC 2018.

use crate::Config;
use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

fn with_sack(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { sack: true, ..Setup::default() };
    Trace::established(bench, setup, Peer { sack: true, ..Peer::default() })
}

/// Bytes beyond a gap are kept, and follow when it is filled.
//= rfc9293#3.10.7.4 SHLD-31
//= rfc2018#3 RFC2018-3-2
pub fn gap_is_filled(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
    counted!(t, rx_segments: 2, rx_held: 1, rx_bytes: 2000, tx_segments: 2, tx_acks: 2);
}

/// The filling segment runs into bytes on both sides.
pub fn overlap_on_both_sides(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 501, ack 1, len 200);
    expect!(t, ACK, seq 1, ack 101);
    inject!(t, ACK, seq 51, ack 1, len 600);
    expect!(t, ACK, seq 1, ack 701);
    t.recv(700);
    t.recv_nothing();
}

/// One segment over several held ranges and the gaps between them.
pub fn segment_over_everything(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [101, 301, 501] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(50));
        t.expect(None, Seg::new(ACK).seq(1).ack(1));
    }
    inject!(t, ACK, seq 1, ack 1, len 520);
    expect!(t, ACK, seq 1, ack 551);
    t.recv(550);
}

/// A retransmission that was cut differently.
pub fn old_and_new_bytes_in_one_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1, len 800);
    expect!(t, ACK, seq 1, ack 801);
    t.recv(800);
    t.recv_nothing();
}

/// They are answered, but not kept twice.
pub fn duplicates_of_held_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 101, ack 1, len 200);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 151, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 251, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 351);
    t.recv(350);
    counted!(
        t, rx_segments: 4, rx_held: 2, rx_duplicates: 1, rx_bytes: 350, tx_segments: 4, tx_acks: 4,
    );
}

/// A peer cannot make us remember ever more gaps. What cannot be kept comes again.
pub fn ranges_are_limited(bench: &mut dyn Bench) {
    let config = Config { held_ranges_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    for at in [101, 301, 501] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(100));
        t.expect(None, Seg::new(ACK).seq(1).ack(1));
    }
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 201);
    inject!(t, ACK, seq 201, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 401);
    t.recv(400);
    t.recv_nothing();
    counted!(
        t, rx_segments: 5, rx_held: 2, rx_drop_held_full: 1, rx_bytes: 400, tx_segments: 5,
        tx_acks: 5,
    );
}

/// The peer's numbers pass 2^32 inside the gap, inside a held range, and at its edge.
pub fn held_bytes_across_the_wrap(bench: &mut dyn Bench) {
    for isn in [u32::MAX - 50, u32::MAX - 150, u32::MAX - 100, u32::MAX - 200, u32::MAX] {
        let peer = Peer { isn, ..Peer::default() };
        let mut t = Trace::established(bench, Setup::default(), peer);
        inject!(t, ACK, seq 101, ack 1, len 100);
        expect!(t, ACK, seq 1, ack 1);
        inject!(t, ACK, seq 1, ack 1, len 100);
        expect!(t, ACK, seq 1, ack 201);
        t.recv(200);
    }
}

/// RFC 2018 4.
//= rfc2018#4 RFC2018-4-1 RFC2018-4-2 RFC2018-4-3 RFC2018-4-4 RFC2018-4-5
pub fn sack_blocks_tell_the_latest_first(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, sack [(3001, 4001), (1001, 2001)]);
    inject!(t, ACK, seq 5001, ack 1, len 1000);
    inject!(t, ACK, seq 7001, ack 1, len 1000);
    t.drain();
    inject!(t, ACK, seq 9001, ack 1, len 1000);
    let latest = [(9001, 10_001), (7001, 8001), (5001, 6001), (3001, 4001)];
    expect!(t, ACK, seq 1, ack 1, sack latest);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    let latest = [(1001, 4001), (9001, 10_001), (7001, 8001), (5001, 6001)];
    expect!(t, ACK, seq 1, ack 1, sack latest);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001, sack [(9001, 10_001), (7001, 8001), (5001, 6001)]);
}

/// RFC 6691: the segment stays within the MSS.
//= rfc9293#3.7.1 MUST-16
pub fn sack_blocks_make_room_in_payload(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    t.drain();
    t.send(2000);
    expect!(t, ACK, seq 1, ack 1, len 988, sack [(1001, 2001)]);
    expect!(t, ACK, seq 989, ack 1, len 988, sack [(1001, 2001)]);
}

/// RFC 2018 3: that is all there is room for.
//= rfc2018#3 RFC2018-3-1
pub fn three_blocks_with_timestamps(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    for at in [1001, 3001, 5001, 7001] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(1000));
    }
    let latest = [(7001, 8001), (5001, 6001), (3001, 4001)];
    for _ in 0..4 {
        expect!(t, ACK, seq 1, ack 1, sack latest);
    }
}

/// RFC 2883 4: in the ACK that it causes, and in no other.
//= rfc2883#4 RFC2883-4-1 RFC2883-4-3
pub fn duplicate_is_reported_once(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 101, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 201);
    inject!(t, ACK, seq 101, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 201, sack [(101, 201)]);
    inject!(t, ACK, seq 201, ack 1, len 100);
    inject!(t, ACK, seq 301, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 401);
}

/// RFC 2883 4.1: the block that it is part of follows.
//= rfc2883#4 RFC2883-4-2
pub fn duplicate_of_what_is_held_is_reported_with_its_range(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 201, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 301)]);
    inject!(t, ACK, seq 301, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 401)]);
    inject!(t, ACK, seq 201, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 301), (201, 401)]);
    inject!(t, ACK, seq 401, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 501)]);
}

/// RFC 2883 4.2: only the part that came before.
//= rfc2883#4 RFC2883-4-1
pub fn part_that_came_before_is_reported(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 51, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 151, sack [(51, 101)]);
    t.recv(150);
}

/// Without SACK nothing is said of it.
pub fn duplicate_is_not_reported_without_sack(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 101);
}

/// Nothing follows a FIN: what was sent beyond it before is no part of the stream, and does not keep the
/// connection from its end.
//= rfc9293#3.10.7.4
pub fn bytes_beyond_a_fin_are_forgotten(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 501, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1502);
    t.recv(1500);
    t.recv_nothing();
    assert!(t.is_at_end());
}
