//! RFC 6582: without SACK too the episode of a timeout ends with the ACK of all that was in flight, and what is lost
//! after that is repaired by the third duplicate.

use super::plain;
use crate::script::*;

//= rfc6582#3.2 RFC6582-3.2-1
pub fn third_duplicate_after_a_repaired_timeout_counts(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    t.skip_until(1000);
    inject!(t, ACK, seq 1, ack 1001);
    for round in 1..4 {
        t.send(2000);
        t.drain();
        inject!(t, ACK, seq 1, ack 1001 + 2000 * round);
    }
    t.restart_counters();
    t.send(3000);
    assert_eq!(t.drain(), 3);
    inject!(t, ACK, seq 1, ack 7001);
    inject!(t, ACK, seq 1, ack 7001);
    silence!(t);
    inject!(t, ACK, seq 1, ack 7001);
    expect!(t, ACK, seq 7001, ack 1, len 1000);
    t.counters_of(|counted| assert_eq!(counted.fast_recoveries, 1));
}
