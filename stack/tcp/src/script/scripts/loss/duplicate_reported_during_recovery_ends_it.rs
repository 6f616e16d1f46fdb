//! The peer had the segment already, and says so before all that was in flight is acknowledged.

use super::with_sack;
use crate::script::*;

//= rfc2883#4 RFC2883-4-4
//= rfc4015#3 RFC4015-3-1
pub fn duplicate_reported_during_recovery_ends_it(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 205 ms);
    inject!(t, ACK, seq 1, ack 4001, sack [(1, 1001)]);
    t.counters_of(|counted| assert_eq!((counted.undo_dsack, counted.undo_timestamp), (1, 0)));
    t.send(20_000);
    // 6 of the first 10 are in flight, and the window is 10 again.
    assert_eq!(t.drain(), 4);
}
