//! RFC 5681 2: the window must be the same.

use super::established;
use crate::script::*;

pub fn window_updates_are_no_duplicates(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    inject!(t, ACK, seq 1, ack 1, win 60_000);
    inject!(t, ACK, seq 1, ack 1, win 61_000);
    inject!(t, ACK, seq 1, ack 1, win 62_000);
    inject!(t, ACK, seq 1, ack 1, win 63_000);
    inject!(t, ACK, seq 1, ack 1, win 63_000, len 10);
    silence!(t);
    counted!(
        t, rx_segments: 5, rx_predicted: 1, rx_bytes: 10, tx_segments: 5, tx_bytes: 5000,
    );
}
