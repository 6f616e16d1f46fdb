//! Each one, or the sender could not count them; also when they were taken together.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 MAY-13
//= rfc5681#3.2 RFC5681-3.2-1
pub fn gaps_are_answered_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 3, rx_held: 3, tx_segments: 3, tx_acks: 3);
}
