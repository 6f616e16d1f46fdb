//! It may be reordering.

use super::with_sack;
use crate::script::*;

pub fn sack_of_two_segments_waits(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 3001)]);
    silence!(t, until 220 ms);
    inject!(t, ACK, seq 1, ack 3001);
    silence!(t, until 300 ms);
    counted!(t, rx_segments: 2, rx_dup_acks: 1, tx_segments: 4, tx_bytes: 4000);
}
