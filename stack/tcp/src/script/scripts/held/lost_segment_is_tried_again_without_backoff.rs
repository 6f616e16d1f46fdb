//! What the way out refuses has not been sent: the timeout counts once, however long that lasts.

use super::blocked;
use crate::script::*;

pub fn lost_segment_is_tried_again_without_backoff(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    let Some(mut t) = blocked(t) else { return };
    silence!(t, until 10_000 ms);
    counted!(t, tx_segments: 1, tx_bytes: 1000, timeouts: 1);
    assert!(t.block(false));
    expect!(t, at 10_000 ms, ACK, seq 1, ack 1, len 1000);
    expect!(t, at 10_400 ms, ACK, seq 1, ack 1, len 1000);
    counted!(t, tx_segments: 2, timeouts: 1, retransmits: 2, retransmitted_bytes: 2000);
}
