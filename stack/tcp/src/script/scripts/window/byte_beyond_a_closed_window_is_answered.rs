//! A probe of our closed window tells its sender where the window stands, and its byte is not taken.

use super::with_buffer;
use crate::script::*;

//= rfc9293#3.10.7.4
pub fn byte_beyond_a_closed_window_is_answered(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1024);
    t.skip_until(100);
    t.restart_counters();
    inject!(t, ACK, seq 1025, ack 1, len 1);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    counted!(t, rx_segments: 1, rx_drop_window: 1, tx_segments: 1, tx_acks: 1);
}
