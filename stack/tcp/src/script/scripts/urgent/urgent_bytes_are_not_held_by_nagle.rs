//! They are what the peer is to have at once.

use super::established;
use crate::script::*;

pub fn urgent_bytes_are_not_held_by_nagle(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    t.send(10);
    silence!(t);
    t.send_urgent(10);
    expect!(t, ACK | URG, seq 11, ack 1, len 20, urg 20);
}
