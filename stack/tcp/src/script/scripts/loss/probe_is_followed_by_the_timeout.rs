//! RFC 8985 7.2: no second probe; the timeout follows.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.3 RFC8985-7.3-2 RFC8985-7.3-3
pub fn probe_is_followed_by_the_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 601 ms);
    expect!(t, at 602 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 1201 ms);
    expect!(t, at 1202 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, tail_probes: 1, timeouts: 2, retransmits: 3, retransmitted_bytes: 3000, tx_segments: 5,
        tx_bytes: 2000,
    );
}
