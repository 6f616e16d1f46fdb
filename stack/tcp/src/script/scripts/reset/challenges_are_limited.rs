//! RFC 5961 7: ten a second and connection.

use super::established;
use crate::script::*;

//= rfc5961#7 RFC5961-7-1
pub fn challenges_are_limited(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for _ in 0..100 {
        inject!(t, SYN, seq 500);
    }
    assert_eq!(t.drain(), 10);
    silence!(t, until 1100 ms);
    inject!(t, SYN, seq 500);
    expect!(t, ACK, seq 1, ack 1);
    counted!(
        t, rx_segments: 101, rx_drop_syn: 101, challenge_acks: 11, challenge_acks_limited: 90,
        tx_segments: 11, tx_acks: 11,
    );
}
