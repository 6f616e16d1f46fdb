//! The timer started again with the retransmission.

use super::established;
use crate::script::*;

pub fn lost_retransmission_times_out(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 100 ms);
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, at 100 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 290 ms);
    expect!(t, at 300 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    counted!(
        t, rx_segments: 3, rx_dup_acks: 3, fast_recoveries: 1, timeouts: 1, retransmits: 2,
        retransmitted_bytes: 2000, tx_segments: 12, tx_bytes: 10_000,
    );
}
