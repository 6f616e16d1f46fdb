//! RFC 8985 7.2: a single segment's ACK may be delayed, so the probe waits 200 ms longer, and no
//! longer than the timeout would.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.2 RFC8985-7.2-2 RFC8985-7.2-3
pub fn single_segment_is_probed_no_later_than_the_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 100);
    counted!(
        t, tail_probes: 1, retransmits: 1, retransmitted_bytes: 100, tx_segments: 2, tx_bytes: 100,
    );
}
