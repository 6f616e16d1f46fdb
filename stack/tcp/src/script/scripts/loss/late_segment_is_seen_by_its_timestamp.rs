//! RFC 3522: the ACK echoes the timestamp of the first transmission.

use super::modern;
use crate::script::*;

//= rfc3522#3.2 RFC3522-3.2-1 RFC3522-3.2-2 RFC3522-3.2-3
//= rfc4015#3 RFC4015-3-1
pub fn late_segment_is_seen_by_its_timestamp(bench: &mut dyn Bench) {
    let mut t = modern(bench);
    silence!(t, until 110 ms);
    t.send(10_000);
    assert_eq!(t.drain(), 10, "of 988 bytes");
    silence!(t, until 210 ms);
    inject!(t, ACK, seq 1, ack 1, tsecr 110, sack [(989, 3953)]);
    expect!(t, ACK, seq 1, ack 1, len 988);
    silence!(t, until 215 ms);
    inject!(t, ACK, seq 1, ack 3953, tsecr 110);
    t.counters_of(|counted| assert_eq!((counted.undo_timestamp, counted.undo_dsack), (1, 0)));
    t.send(20_000);
    // 6 of the first 10 are in flight, and the window is 10 again.
    assert_eq!(t.drain(), 4);
}
