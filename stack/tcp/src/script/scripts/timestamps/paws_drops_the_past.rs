//! RFC 7323 5.3 R1: an old duplicate from a former lap is not taken for new.

use super::established;
use crate::script::*;

//= rfc7323#5.3 RFC7323-5.3-1
pub fn paws_drops_the_past(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 99);
    expect!(t, ACK, seq 1, ack 11, tsecr 100);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 100);
    expect!(t, at 140 ms, ACK, seq 1, ack 21);
    t.recv(20);
    counted!(
        t, rx_segments: 3, rx_predicted: 2, rx_bytes: 20, rx_drop_paws: 1, tx_segments: 2,
        tx_acks: 2, delayed_acks: 1,
    );
}
