//! RFC 9293 MUST-32: only an advance is told.

use super::established;
use crate::script::*;

//= rfc9293#3.8.5 MUST-32
pub fn older_urgent_pointer_is_no_news(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 10, urg 500);
    inject!(t, ACK | URG, seq 11, ack 1, len 10, urg 5);
    assert_eq!(t.urgent_end(), Some(500));
    // What it points to was received, and read, long ago.
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK | URG, seq 101, ack 1, len 10);
    assert_eq!(t.urgent_end(), None);
    expect!(t, ACK, seq 1, ack 111);
    counted!(
        t, rx_segments: 2, rx_bytes: 110, rx_predicted: 1, rx_urgent: 1, tx_segments: 1, tx_acks: 1,
    );
}
