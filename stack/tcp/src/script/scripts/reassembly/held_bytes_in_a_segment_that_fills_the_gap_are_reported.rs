//! RFC 2883 4.2: of what comes twice within one segment the first part is told.

use crate::script::*;

//= rfc2883#4 RFC2883-4-1
pub fn held_bytes_in_a_segment_that_fills_the_gap_are_reported(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 101, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(101, 201)]);
    inject!(t, ACK, seq 301, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(301, 401), (101, 201)]);
    inject!(t, ACK, seq 601, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(601, 701), (301, 401), (101, 201)]);
    inject!(t, ACK, seq 1, ack 1, len 500);
    t.recv(500);
    expect!(t, ACK, seq 1, ack 501, sack [(101, 201), (601, 701)]);
    inject!(t, ACK, seq 501, ack 1, len 200);
    t.recv(200);
    expect!(t, ACK, seq 1, ack 701, sack [(601, 701)]);
}
