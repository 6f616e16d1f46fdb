//! A retransmission of the peer that is not needed here acknowledges our bytes all the same.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-4
pub fn ack_of_a_duplicate_counts(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 2001, len 1000);
    expect!(t, ACK, seq 2001, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 2, rx_predicted: 1, rx_bytes: 1000, rx_duplicates: 1, tx_segments: 3,
        tx_bytes: 2000, tx_acks: 1,
    );
}
