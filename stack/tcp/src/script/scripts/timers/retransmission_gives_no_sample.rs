//! RFC 6298 3 (Karn): so the timeout stays backed off.

use super::established;
use crate::script::*;

//= rfc9293#3.8.1 MUST-18
//= rfc6298#3 RFC6298-3-1
pub fn retransmission_gives_no_sample(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 100);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 250 ms);
    inject!(t, ACK, seq 1, ack 101);
    t.send(100);
    expect!(t, at 250 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 640 ms);
    expect!(t, at 650 ms, ACK, seq 101, ack 1, len 100);
}
