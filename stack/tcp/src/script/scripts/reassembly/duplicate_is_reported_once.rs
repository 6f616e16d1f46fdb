//! RFC 2883 4: in the ACK that it causes, and in no other.

use crate::script::*;

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
