//! RFC 3708 3: a report of what was sent before the episode proves nothing about it.

use super::with_sack;
use crate::script::*;

//= rfc3708#3 RFC3708-3-2
pub fn duplicate_of_before_the_episode_is_no_proof(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(9000);
    assert_eq!(t.drain(), 9);
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 1001, sack [(2001, 5001)]);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 400 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    inject!(t, ACK, seq 1, ack 10_001, sack [(1, 1001)]);
    t.counters_of(|counters| assert_eq!((counters.rx_dsacks, counters.undo_dsack), (1, 0)));
    inject!(t, ACK, seq 1, ack 10_001, sack [(1001, 2001)]);
    t.counters_of(|counters| assert_eq!((counters.rx_dsacks, counters.undo_dsack), (2, 1)));
}
