//! RFC 8985 and RFC 9937: segments 1, 3 and 5 of 10 are lost. What three reported segments overtook is
//! lost; each that arrives lets one of the lost out.

use super::with_sack;
use crate::script::*;

//= rfc6675#5 RFC6675-5-2 RFC6675-5-4 RFC6675-5-3
//= rfc2018#5 RFC2018-5-2
//= rfc8985#6.2 RFC8985-6.2-4
//= rfc8985#9.3 RFC8985-9.3-1
pub fn sack_repairs_holes_in_one_round_trip(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 1, ack 1, sack [(3001, 4001), (1001, 2001)]);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 6001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 7001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 8001), (3001, 4001), (1001, 2001)]);
    expect!(t, ACK, seq 4001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, sack [(5001, 10_001), (3001, 4001), (1001, 2001)]);
    inject!(t, ACK, seq 1, ack 10_001);
    silence!(t, until 10_000 ms);
    counted!(
        t, rx_segments: 7, rx_dup_acks: 6, fast_recoveries: 1, retransmits: 3,
        retransmitted_bytes: 3000, tx_segments: 13, tx_bytes: 10_000,
    );
}
