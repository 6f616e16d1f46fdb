//! A block that cannot be true counts for nothing.

use super::with_sack;
use crate::script::*;

pub fn sack_beyond_what_was_sent_is_ignored(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    for _ in 0..5 {
        inject!(t, ACK, seq 1, ack 1, sack [(3001, 5001), (2001, 1001), (0, 1)]);
    }
    silence!(t, until 300 ms);
    counted!(t, rx_segments: 5, rx_sack_ignored: 15, tx_segments: 4, tx_bytes: 4000);
}
