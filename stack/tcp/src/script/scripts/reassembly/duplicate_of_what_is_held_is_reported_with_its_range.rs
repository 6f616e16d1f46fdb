//! RFC 2883 4.1: the block that it is part of follows.

use crate::script::*;

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
