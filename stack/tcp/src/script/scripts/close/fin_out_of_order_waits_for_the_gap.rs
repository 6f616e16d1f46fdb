//! A FIN behind a gap is remembered.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_out_of_order_waits_for_the_gap(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1001, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::Established);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1502);
    assert_eq!(t.state(), State::CloseWait);
    t.recv(1500);
    assert!(t.is_at_end());
    counted!(t, rx_segments: 2, rx_held: 1, rx_bytes: 1500, tx_segments: 2, tx_acks: 2);
}
