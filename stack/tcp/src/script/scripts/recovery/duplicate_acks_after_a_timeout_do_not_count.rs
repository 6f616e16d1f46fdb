//! RFC 6582 4: they answer what was sent again without need.

use super::established;
use crate::script::*;

//= rfc6675#5.1 RFC6675-5.1-2
//= rfc6582#3.2 RFC6582-3.2-1
//= rfc6582#4 RFC6582-4-1
pub fn duplicate_acks_after_a_timeout_do_not_count(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 5001);
    t.send(1000);
    expect!(t, ACK, seq 5001, ack 1, len 1000);
    for _ in 0..5 {
        inject!(t, ACK, seq 1, ack 5001);
    }
    silence!(t, until 390 ms);
    counted!(
        t, rx_segments: 6, rx_dup_acks: 5, timeouts: 1, retransmits: 1, retransmitted_bytes: 1000,
        tx_segments: 7, tx_bytes: 6000,
    );
}
