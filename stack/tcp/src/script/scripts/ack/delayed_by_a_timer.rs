//! RFC 9293 MUST-40: less than half a second.

use super::established;
use crate::script::*;

//= rfc9293#3.8.6.3 MUST-40 SHLD-18
//= rfc5681#4.2 RFC5681-4.2-1
pub fn delayed_by_a_timer(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 35 ms);
    expect!(t, at 40 ms, ACK, seq 1, ack 1001);
    silence!(t, until 1000 ms);
    counted!(
        t, rx_segments: 1, rx_predicted: 1, rx_bytes: 1000, tx_segments: 1, tx_acks: 1,
        delayed_acks: 1,
    );
}
