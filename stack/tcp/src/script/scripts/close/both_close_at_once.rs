//! RFC 9293 figure 13.

use super::established;
use crate::State;
use crate::script::*;

pub fn both_close_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::Closing);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::TimeWait);
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}
