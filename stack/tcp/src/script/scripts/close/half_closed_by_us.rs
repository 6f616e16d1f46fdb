//! We send no more, the peer goes on.

use super::established;
use crate::State;
use crate::script::*;

pub fn half_closed_by_us(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 2, len 1000);
    expect!(t, ACK, seq 2, ack 2001);
    assert_eq!(t.state(), State::FinWait2);
    inject!(t, FIN | ACK, seq 2001, ack 2, len 500);
    expect!(t, ACK, seq 2, ack 2502);
    t.recv(2500);
    assert!(t.is_at_end());
    assert_eq!(t.state(), State::TimeWait);
    counted!(t, rx_segments: 3, rx_bytes: 2500, tx_segments: 3, tx_acks: 2);
}
