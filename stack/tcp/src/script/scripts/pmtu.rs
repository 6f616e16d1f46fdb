//! The path carries less than was thought: RFC 1191.

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::nodelay(), Peer::default())
}

/// RFC 1191 6.4: what was too long is sent again at once, in pieces that fit, and that is no congestion.
//= rfc1191#6.4 RFC1191-6.4-1 RFC1191-6.4-2
pub fn too_long_segments_are_sent_again_in_pieces(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    t.too_big(1, 600);
    for at in (0..10_000).step_by(600) {
        let len = 600.min(10_000 - at);
        t.expect(None, Seg::new(ACK).seq(1 + at).ack(1).len(len));
    }
    silence!(t);
    counted!(
        t, tx_segments: 27, tx_bytes: 10_000, retransmits: 17, retransmitted_bytes: 10_000,
        path_mss_lowered: 1,
    );
}

/// Segments that fit have not been dropped.
pub fn what_fits_is_not_sent_again(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(300);
    expect!(t, ACK, seq 1, ack 1, len 300);
    t.send(1300);
    expect!(t, ACK, seq 301, ack 1, len 1000);
    expect!(t, ACK, seq 1301, ack 1, len 300);
    t.too_big(301, 600);
    expect!(t, ACK, seq 301, ack 1, len 600);
    expect!(t, ACK, seq 901, ack 1, len 400);
    silence!(t);
}

/// What SACK reported has arrived, by whatever path.
pub fn sacked_segments_are_not_sent_again(bench: &mut dyn Bench) {
    let (setup, peer) =
        (Setup { sack: true, ..Setup::nodelay() }, Peer { sack: true, ..Peer::default() });
    let mut t = Trace::established(bench, setup, peer);
    t.send(3000);
    assert_eq!(t.drain(), 3);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    // Overtaken, and sent again as it is.
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(2001, 500);
    for at in [1, 501, 2001, 2501] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    silence!(t);
}

/// RFC 5927 7: as for other errors, the quoted segment must be outstanding.
//= rfc5927#7.2 RFC5927-7.2-1
pub fn too_big_about_what_is_not_outstanding_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(1001, 500);
    t.too_big(0, 500);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t);
    t.too_big(1, 500);
    t.send(1000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
}

/// The path never raises what is sent.
//= rfc1191#3 RFC1191-3-3
pub fn larger_mtu_changes_nothing(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(1, 1400);
    silence!(t);
    t.send(1400);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 400);
}

/// RFC 7323 3.2: options take their room in the smaller segments too.
pub fn smaller_segments_keep_room_for_timestamps(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    t.send(988);
    expect!(t, ACK, seq 1, ack 1, len 988);
    t.too_big(1, 512);
    expect!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 501, ack 1, len 488);
}

/// A FIN that went with what was too long goes with the last piece.
pub fn fin_goes_with_the_last_piece(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.send(900);
    t.close();
    t.drain();
    t.too_big(1, 600);
    expect!(t, ACK, seq 1, ack 1, len 600);
    expect!(t, ACK, seq 601, ack 1, len 600);
    expect!(t, ACK, seq 1201, ack 1, len 600);
    expect!(t, FIN | ACK, seq 1801, ack 1, len 100);
    silence!(t);
}
