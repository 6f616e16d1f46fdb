//! Payload that was refused was never sent, and its timeout begins when it leaves.

use super::blocked;
use crate::script::*;

pub fn new_payload_leaves_when_the_way_opens(bench: &mut dyn Bench) {
    let t = Trace::established(bench, Setup::default(), Peer::default());
    let Some(mut t) = blocked(t) else { return };
    t.send(1000);
    silence!(t, until 5000 ms);
    counted!(t);
    assert!(t.block(false));
    expect!(t, at 5000 ms, PSH | ACK, seq 1, ack 1, len 1000);
    expect!(t, at 5200 ms, PSH | ACK, seq 1, ack 1, len 1000);
    counted!(
        t, tx_segments: 2, tx_bytes: 1000, timeouts: 1, retransmits: 1, retransmitted_bytes: 1000,
    );
}
