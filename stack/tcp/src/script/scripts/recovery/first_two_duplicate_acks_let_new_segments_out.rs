//! RFC 3042.

use super::established;
use crate::script::*;

//= rfc5681#3.2 RFC5681-3.2-5 RFC5681-3.2-6
//= rfc3042#2 RFC3042-2-1 RFC3042-2-2 RFC3042-2-3
pub fn first_two_duplicate_acks_let_new_segments_out(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(13_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
}
