//! Its sender does not know that it arrived. Without SACK nothing more is said of it.

use super::established;
use crate::script::*;

pub fn duplicate_payload_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1001);
    inject!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 3, rx_predicted: 1, rx_bytes: 1000, rx_duplicates: 2, tx_segments: 2,
        tx_acks: 2,
    );
}
