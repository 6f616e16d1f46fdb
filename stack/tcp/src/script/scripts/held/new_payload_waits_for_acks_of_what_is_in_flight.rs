//! While something is in flight its own timer runs on, and counts as ever.

use super::blocked;
use crate::script::*;

pub fn new_payload_waits_for_acks_of_what_is_in_flight(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    t.send(1000);
    expect!(t, PSH | ACK, seq 1, ack 1, len 1000);
    let Some(mut t) = blocked(t) else { return };
    t.send(500);
    silence!(t, until 150 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 3000 ms);
    counted!(t, rx_segments: 1, rx_predicted: 1, tx_segments: 1, tx_bytes: 1000);
    assert!(t.block(false));
    expect!(t, at 3000 ms, PSH | ACK, seq 1001, ack 1, len 500);
}
