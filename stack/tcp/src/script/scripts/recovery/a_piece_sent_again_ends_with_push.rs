//! What went out as one piece of two segments, the second with PSH, is sent again as one if both are lost; what is left
//! of one is sent by itself.

use super::with_sack;
use crate::script::*;

pub fn a_piece_sent_again_ends_with_push(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(12_000);
    for start in [1, 2001, 4001, 6001, 8001] {
        expect!(t, ACK, seq start, ack 1, len 1000);
        expect!(t, ACK | PSH, seq start + 1000, ack 1, len 1000);
    }
    // 3 and 4 are lost, and 6, and 7.
    t.skip_until(200);
    inject!(t, ACK, seq 1, ack 2001, sack [(4001, 5001), (7001, 10_001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK | PSH, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 5001, ack 1, len 1000);
    expect!(t, ACK, seq 6001, ack 1, len 1000);
}
