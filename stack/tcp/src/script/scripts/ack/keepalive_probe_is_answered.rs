//! With or without a byte of rubbish (RFC 9293 3.8.4).

use super::established;
use crate::script::*;

//= rfc1122#4.2.3.6 RFC1122-4.2.3.6-1
pub fn keepalive_probe_is_answered(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 0, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 0, ack 1, len 1);
    expect!(t, ACK, seq 1, ack 1);
    t.recv_nothing();
}
