//! RFC 3708: the peer had it twice, so it was not lost.

use super::with_sack;
use crate::script::*;

//= rfc2883#4 RFC2883-4-4
//= rfc3708#3 RFC3708-3-1
//= rfc4015#3 RFC4015-3-1
pub fn late_segment_is_seen_by_the_duplicate(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 205 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 300 ms);
    t.counters_of(|counters| assert_eq!(counters.undo_dsack, 0));
    inject!(t, ACK, seq 1, ack 10_001, sack [(1, 1001)]);
    t.counters_of(|counters| assert_eq!((counters.undo_dsack, counters.rx_dsacks), (1, 1)));
    t.send(20_000);
    assert_eq!(t.drain(), 10, "as before the loss");
}
