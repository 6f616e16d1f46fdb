//! RFC 9293 MUST-62: the pointer is to the byte behind the urgent ones; ACKs do not carry what is past.

use super::established;
use crate::script::*;

//= rfc9293#3.8.5 MUST-30 MUST-62
//= rfc6093#4 RFC6093-4-1
pub fn urgent_bytes_are_announced(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 1, ack 11);
    t.send_urgent(5);
    expect!(t, ACK | URG, seq 11, ack 1, len 5, urg 5);
    inject!(t, ACK, seq 1, ack 16);
    t.send(10);
    expect!(t, ACK, seq 16, ack 1, len 10);
}
