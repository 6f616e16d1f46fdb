//! Before fast recovery was: a loss is repaired with a window of one segment.

use super::with;
use crate::CongestionControl;
use crate::script::*;

pub fn tahoe_repairs_with_a_window_of_one_segment(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Tahoe, 10);
    t.send(20_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 250 ms);
    // The others let more and more out where there is fast recovery.
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 9001)]);
    silence!(t);
    // Slow start from here: what the ACK was the first to report counts, and one was in flight.
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 3);
}
