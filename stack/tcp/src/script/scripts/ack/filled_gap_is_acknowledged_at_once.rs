//! Also when part of the gap is left.

use super::established;
use crate::script::*;

//= rfc5681#3.2 RFC5681-3.2-2
pub fn filled_gap_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 501);
    inject!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
    t.recv(4000);
}
