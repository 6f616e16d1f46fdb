//! Without scaling no more than 16 bits can be told.

use super::with_buffer;
use crate::script::*;

pub fn window_field_is_capped(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 200 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 65_535);
    t.recv(2000);
    silence!(t, until 1000 ms);
}
