//! RFC 9293 SHLD-19.

use super::established;
use crate::script::*;

//= rfc9293#3.8.6.3 SHLD-18 SHLD-19
//= rfc5681#4.2 RFC5681-4.2-2 RFC5681-4.2-3
pub fn every_second_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 4, rx_predicted: 4, rx_bytes: 4000, tx_segments: 2, tx_acks: 2);
}
