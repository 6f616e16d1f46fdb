//! RFC 4821 7.6.2: a probe that alone is lost says nothing about congestion.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.6.2 RFC4821-7.6.2-1
//= rfc4821#7.3 RFC4821-7.3-1
pub fn probe_that_is_lost_is_sent_again_in_short_segments(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(3000);
    assert_eq!(t.drain(), 6);
    t.restart_counters();
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 501, ack 1, len 250);
    counted!(
        t, rx_segments: 3, rx_dup_acks: 3, mtu_probes_lost: 1, tx_segments: 2, retransmits: 2,
        retransmitted_bytes: 750,
    );
    inject!(t, ACK, seq 1, ack 3001);
    // The next one is in the middle of what is left: 500 to 749.
    t.send(3000);
    expect!(t, ACK, seq 3001, ack 1, len 624);
}
