//! A buffer smaller than two segments opens by halves.

use super::with_buffer;
use crate::script::*;

//= rfc9293#3.8.6.2.2 MUST-39
pub fn reading_half_a_small_buffer_is_told(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.recv(511);
    silence!(t);
    t.recv(1);
    expect!(t, ACK, seq 1, ack 1025, win 512);
}
