//! What RACK found lost and the way out refuses does not become a timeout.

use super::blocked;
use crate::script::*;

pub fn repair_is_tried_again_without_a_timeout(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let peer = Peer { sack: true, ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    let Some(mut t) = blocked(t) else { return };
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    silence!(t, until 5000 ms);
    assert!(t.block(false));
    expect!(t, at 5000 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    silence!(t, until 20_000 ms);
    counted!(
        t, rx_segments: 2, rx_dup_acks: 1, reorder_timeouts: 1, fast_recoveries: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 3, tx_bytes: 2000,
    );
}
