//! Where a segment lies is looked at before what it acknowledges: who does not know the one does not know the other.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4
pub fn ack_of_a_segment_outside_the_window_does_not_count(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 70_000, ack 1001);
    expect!(t, ACK, seq 1001, ack 1);
    inject!(t, ACK, seq 70_000, ack 1001, len 10);
    expect!(t, ACK, seq 1001, ack 1);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, rx_segments: 2, rx_drop_window: 2, tx_segments: 4, tx_bytes: 1000, tx_acks: 2,
        retransmits: 1, retransmitted_bytes: 1000, timeouts: 1,
    );
}
