//! RFC 9293 MUST-66: payload that has no room does not keep its ACK from counting.

use super::with_buffer;
use crate::script::*;

pub fn closed_window_still_takes_acks(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1001, ack 1025, win 0);
    inject!(t, ACK, seq 1025, ack 1001, len 1);
    expect!(t, ACK, seq 1001, ack 1025, win 0);
    silence!(t, until 10_000 ms);
}
