//! RFC 8985 6.2: a quarter of a round trip, and the slack of timers, after it was overtaken.

use super::with_sack;
use crate::script::*;

//= rfc8985#6.2 RFC8985-6.2-5 RFC8985-6.2-7 RFC8985-6.2-8
pub fn overtaken_segment_is_lost_after_the_reordering_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    silence!(t, until 226 ms);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 2, rx_dup_acks: 1, reorder_timeouts: 1, fast_recoveries: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 3, tx_bytes: 2000,
    );
}
