//! RFC 9937: recovery that a timer begins sends one segment, as one that an ACK begins.

use super::with_sack;
use crate::script::*;

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
