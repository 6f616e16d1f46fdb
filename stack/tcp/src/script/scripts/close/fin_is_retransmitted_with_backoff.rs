//! FIN is retransmitted like payload.

use super::established;
use crate::script::*;

pub fn fin_is_retransmitted_with_backoff(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, at 0 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 600 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 1400 ms, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 10_000 ms);
    counted!(t, retransmits: 3, timeouts: 3, negative_advice: 1, tx_segments: 4, rx_segments: 1);
}
