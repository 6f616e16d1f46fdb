//! RFC 8985 7.3: new payload is the better probe, and the window of the path does not hold it back.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.3 RFC8985-7.3-1
//= rfc8985#7.2 RFC8985-7.2-1
pub fn probe_carries_new_payload(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(12_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 302 ms, ACK, seq 10_001, ack 1, len 1000);
    silence!(t, until 402 ms);
    inject!(t, ACK, seq 1, ack 11_001);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t, until 500 ms);
    counted!(t, rx_segments: 1, rx_predicted: 1, tail_probes: 1, tx_segments: 12, tx_bytes: 12_000);
    // That probe is answered, and the next tail has one of its own.
    inject!(t, ACK, seq 1, ack 12_001);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    t.skip_until(790);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.timeouts), (1, 0)));
}
