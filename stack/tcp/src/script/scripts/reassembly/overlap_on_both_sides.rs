//! The filling segment runs into bytes on both sides.

use super::established;
use crate::script::*;

pub fn overlap_on_both_sides(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 501, ack 1, len 200);
    expect!(t, ACK, seq 1, ack 101);
    inject!(t, ACK, seq 51, ack 1, len 600);
    expect!(t, ACK, seq 1, ack 701);
    t.recv(700);
    t.recv_nothing();
}
