//! RFC 8985 7.4.2: both copies arrived; nothing was lost.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.4.2 RFC8985-7.4.2-2
//= rfc2883#5 RFC2883-5-1
pub fn probe_that_was_needless_costs_nothing(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 310 ms);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001, sack [(1001, 2001)]);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 1, rx_dsacks: 1, tail_probes: 1, retransmits: 1,
        retransmitted_bytes: 1000, tx_segments: 3, tx_bytes: 2000,
    );
}
