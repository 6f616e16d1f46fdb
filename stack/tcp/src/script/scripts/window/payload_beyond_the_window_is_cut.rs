//! What fits is taken.

use super::with_buffer;
use crate::script::*;

pub fn payload_beyond_the_window_is_cut(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1500);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.recv(1024);
    t.recv_nothing();
}
