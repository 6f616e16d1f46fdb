//! The right edge stands still while nobody reads.

use super::with_buffer;
use crate::script::*;

//= rfc9293#3.8.6.2.2 MUST-39
//= rfc9293#3.8.6 SHLD-14
//= rfc9293#3.8.6.1 MAY-8
pub fn closes_as_bytes_wait_and_reopens_when_read(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 4 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 2096);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1096);
    expect!(t, ACK, seq 1, ack 4097, win 0);
    t.recv(999);
    silence!(t);
    t.recv(1);
    expect!(t, ACK, seq 1, ack 4097, win 1000);
    t.recv(1000);
    expect!(t, ACK, seq 1, ack 4097, win 2000);
    t.recv(1000);
    silence!(t, until 1000 ms);
    inject!(t, ACK, seq 4097, ack 1, len 10);
    expect!(t, at 1040 ms, ACK, seq 1, ack 4107, win 2990);
}
