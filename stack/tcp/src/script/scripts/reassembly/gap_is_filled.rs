//! Bytes beyond a gap are kept, and follow when it is filled.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 SHLD-31
//= rfc2018#3 RFC2018-3-2
pub fn gap_is_filled(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
    counted!(t, rx_segments: 2, rx_held: 1, rx_bytes: 2000, tx_segments: 2, tx_acks: 2);
}
