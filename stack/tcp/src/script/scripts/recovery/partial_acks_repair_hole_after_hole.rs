//! RFC 6582: segments 1, 3 and 5 are lost, and there is no SACK.

use super::established;
use crate::script::*;

//= rfc6298#5.2 RFC6298-5.2-1
//= rfc6582#3.2 RFC6582-3.2-2 RFC6582-3.2-3
pub fn partial_acks_repair_hole_after_hole(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    for _ in 0..7 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 4001);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 10_000 ms);
    counted!(
        t, rx_segments: 10, rx_dup_acks: 7, fast_recoveries: 1, retransmits: 3,
        retransmitted_bytes: 3000, tx_segments: 13, tx_bytes: 10_000,
    );
}
