//! RFC 2883 4.2.1: a segment ahead of a gap repeats a part of what is held.

use crate::script::*;

//= rfc2883#4 RFC2883-4-1 RFC2883-4-2
pub fn held_bytes_in_a_longer_segment_are_reported(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 201, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 301)]);
    inject!(t, ACK, seq 251, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(251, 301), (201, 351)]);
    inject!(t, ACK, seq 351, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1, sack [(201, 451)]);
}
