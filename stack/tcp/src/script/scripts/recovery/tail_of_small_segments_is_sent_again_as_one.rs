//! Fewer segments, fewer chances to be lost again.

use crate::script::*;

pub fn tail_of_small_segments_is_sent_again_as_one(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    for _ in 0..3 {
        t.send(100);
        t.drain();
    }
    expect!(t, at 200 ms, ACK | PSH, seq 1, ack 1, len 300);
    silence!(t);
    counted!(
        t, tx_segments: 4, tx_bytes: 300, retransmits: 1, retransmitted_bytes: 300, timeouts: 1,
    );
}
