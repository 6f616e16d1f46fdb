//! A peer that goes on sending gets its answer with what it is sent anyway.

use super::established;
use crate::State;
use crate::script::*;

pub fn challenge_goes_with_what_is_sent_next(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 9999);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    silence!(t, until 1000 ms);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, rx_segments: 3, rx_bytes: 2000, rx_predicted: 2, rx_drop_ack_unsent: 1, challenge_acks: 1,
        tx_segments: 1, tx_acks: 1,
    );
}
