//! RFC 6093 5: they are bytes like all others; what is new is where they end.

use super::established;
use crate::script::*;

//= rfc9293#3.8.5 MUST-30
//= rfc6093#4 RFC6093-4-2
pub fn urgent_bytes_are_delivered_in_line(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 100, urg 60);
    assert_eq!(t.urgent_end(), Some(60));
    t.recv(100);
    expect!(t, at 40 ms, ACK, seq 1, ack 101);
    counted!(
        t, rx_segments: 1, rx_bytes: 100, rx_urgent: 1, delayed_acks: 1, tx_segments: 1, tx_acks: 1,
    );
}
