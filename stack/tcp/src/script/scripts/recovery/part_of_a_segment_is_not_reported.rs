//! RFC 2018 5, as Linux: a block reports the segments that lie wholly in it.

use super::with_sack;
use crate::script::*;

//= rfc2018#5 RFC2018-5-1
pub fn part_of_a_segment_is_not_reported(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(4000, 4001)]);
    // So nothing was overtaken, and two round trips after it was sent the tail is probed.
    expect!(t, at 302 ms, ACK, seq 3001, ack 1, len 1000);
    silence!(t, until 400 ms);
    inject!(t, ACK, seq 1, ack 4001);
    counted!(
        t, rx_segments: 2, rx_predicted: 1, tail_probes: 1, retransmits: 1, retransmitted_bytes: 1000, tx_segments: 5,
        tx_bytes: 4000,
    );
}
