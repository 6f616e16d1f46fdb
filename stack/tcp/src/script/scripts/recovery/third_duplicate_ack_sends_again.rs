//! RFC 5681 3.2; afterwards the window is half of what was in flight.

use super::established;
use crate::script::*;

//= rfc5681#3.2 RFC5681-3.2-3
//= rfc6582#3.2 RFC6582-3.2-4
pub fn third_duplicate_ack_sends_again(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(10_000);
    assert_eq!(t.drain(), 5);
    counted!(
        t, rx_segments: 4, rx_dup_acks: 3, fast_recoveries: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 16, tx_bytes: 15_000,
    );
}
