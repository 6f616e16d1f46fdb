//! Then no ACK of its own is needed.

use super::established;
use crate::script::*;

pub fn payload_carries_the_ack(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.send(50);
    expect!(t, ACK, seq 1, ack 101, len 50);
    inject!(t, ACK, seq 101, ack 51);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 2, rx_bytes: 100, tx_segments: 1, tx_bytes: 50,
    );
}
