//! RFC 8985 6.2 step 4: once the path was seen to reorder, three duplicates prove nothing.

use super::with_sack;
use crate::script::*;

//= rfc8985#6.2 RFC8985-6.2-5
pub fn path_that_reorders_is_given_time(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 1, ack 2001);
    t.send(8000);
    assert_eq!(t.drain(), 8);
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 8001)]);
    silence!(t, until 320 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 4, rx_dup_acks: 2, tx_segments: 10, tx_bytes: 10_000,
    );
}
