//! RFC 8985 7.3: new payload is no probe where the peer has no room for it; then the last segment goes again.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.3 RFC8985-7.3-4
pub fn probe_keeps_to_the_peers_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    inject!(t, ACK, seq 1, ack 1, win 3000);
    t.send(5000);
    assert_eq!(t.drain(), 3);
    expect!(t, at 302 ms, ACK, seq 2001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 3001, sack [(2001, 3001)], win 3000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.retransmits), (1, 1)));
}
