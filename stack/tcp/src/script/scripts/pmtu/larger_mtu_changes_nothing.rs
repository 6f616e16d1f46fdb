//! The path never raises what is sent.

use super::established;
use crate::script::*;

//= rfc1191#3 RFC1191-3-3
pub fn larger_mtu_changes_nothing(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(1, 1400);
    silence!(t);
    t.send(1400);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 400);
}
