//! Bytes that came more than a window ago are not what a peer sends again: whoever sends them guesses (as RFC 5961 5.2
//! has it of old ACKs), and what they acknowledge is not believed.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4
pub fn ack_of_a_segment_from_long_ago_does_not_count(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 0_u32.wrapping_sub(70_000), ack 1001, len 10);
    expect!(t, ACK, seq 1001, ack 1);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, rx_segments: 1, rx_drop_window: 1, tx_segments: 3, tx_bytes: 1000, tx_acks: 1,
        retransmits: 1, retransmitted_bytes: 1000, timeouts: 1,
    );
}
