//! With SACK the peer says itself what it has: what follows a repaired hole is on its way.

use super::with_sack;
use crate::script::*;

//= rfc6675#5
pub fn partial_ack_with_sack_marks_nothing_lost(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 250 ms);
    inject!(t, ACK, seq 1, ack 4001);
    silence!(t, until 400 ms);
    t.counters_of(|counted| assert_eq!(counted.retransmits, 1));
}
