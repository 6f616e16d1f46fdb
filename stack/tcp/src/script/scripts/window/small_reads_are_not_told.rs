//! A peer that knows of most of the window need not be told of a little more.

use super::with_buffer;
use crate::script::*;

//= rfc9293#3.8.6.2.2 MUST-39
pub fn small_reads_are_not_told(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 63 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 62_512);
    t.recv(500);
    silence!(t);
    inject!(t, ACK, seq 2001, ack 1, len 10);
    expect!(t, at 40 ms, ACK, seq 1, ack 2011, win 62_502);
    t.recv(1510);
    silence!(t, until 1000 ms);
}
