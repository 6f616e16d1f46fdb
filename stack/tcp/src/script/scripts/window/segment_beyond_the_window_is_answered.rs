//! RFC 9293 3.10.7.4, first.

use super::with_buffer;
use crate::script::*;

pub fn segment_beyond_the_window_is_answered(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1026, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, win 1024);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 1, rx_drop_window: 1, tx_segments: 1, tx_acks: 1);
}
