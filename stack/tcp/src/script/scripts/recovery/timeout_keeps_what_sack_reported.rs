//! RFC 6675 5.1.

use super::with_sack;
use crate::script::*;

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
