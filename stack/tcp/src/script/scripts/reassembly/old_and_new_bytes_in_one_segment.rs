//! A retransmission that was cut differently.

use super::established;
use crate::script::*;

pub fn old_and_new_bytes_in_one_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1, len 800);
    expect!(t, ACK, seq 1, ack 801);
    t.recv(800);
    t.recv_nothing();
}
