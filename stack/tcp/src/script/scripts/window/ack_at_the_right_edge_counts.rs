//! The sender has filled the window, part of it was lost, and it acknowledges ours.

use super::with_buffer;
use crate::script::*;

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-3
pub fn ack_at_the_right_edge_counts(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    t.send(500);
    expect!(t, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1025, ack 501);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 1, tx_segments: 1, tx_bytes: 500);
}
