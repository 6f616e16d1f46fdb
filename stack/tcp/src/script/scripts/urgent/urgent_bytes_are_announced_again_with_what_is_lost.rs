//! The pointer is of the stream, not of a segment.

use super::established;
use crate::script::*;

pub fn urgent_bytes_are_announced_again_with_what_is_lost(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send_urgent(1500);
    expect!(t, ACK | URG, seq 1, ack 1, len 1000, urg 1500);
    expect!(t, ACK | URG, seq 1001, ack 1, len 500, urg 500);
    t.skip_until(199);
    expect!(t, at 200 ms, ACK | URG, seq 1, ack 1, len 1000, urg 1500);
}
