//! Once the end is known, nothing beyond it is taken.

use super::established;
use crate::script::*;

pub fn payload_beyond_a_held_fin_is_cut(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 101, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 300);
    expect!(t, ACK, seq 1, ack 102);
    silence!(t);
    t.recv(100);
    t.recv_nothing();
    assert!(t.is_at_end());
    inject!(t, ACK, seq 102, ack 1, len 50);
    silence!(t);
    t.recv_nothing();
    counted!(
        t, rx_segments: 3, rx_bytes: 100, rx_drop_after_fin: 1, tx_segments: 2, tx_acks: 2,
    );
}
