//! Only the rest waits.

use super::established;
use crate::script::*;

pub fn nagle_lets_full_segments_through(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(1500);
    expect!(t, ACK, seq 101, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1101);
    expect!(t, ACK, seq 1101, ack 1, len 500);
}
