//! RFC 8985 7.3: no ACK, and nothing new to send. The answer shows what is lost.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.2 RFC8985-7.2-1
//= rfc8985#7.3 RFC8985-7.3-1
pub fn tail_loss_is_repaired_by_a_probe(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 2001);
    // The timeout of a short flight (RFC 7765) would come sooner than two round trips.
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 4001, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(4001, 5001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t, until 600 ms);
    inject!(t, ACK, seq 1, ack 3001);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t, until 700 ms);
    inject!(t, ACK, seq 1, ack 5001);
    silence!(t, until 9000 ms);
    counted!(
        t, rx_segments: 4, rx_predicted: 1, rx_dup_acks: 1, tail_probes: 1, fast_recoveries: 1,
        retransmits: 3, retransmitted_bytes: 3000, tx_segments: 8, tx_bytes: 5000,
    );
}
