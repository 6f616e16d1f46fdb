//! RFC 9293 3.5.1, Figure 11: the peer has crashed and is sent something.

use super::established;
use crate::script::*;
use crate::{Ended, State};

pub fn half_open_is_found_out_by_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    // What answers a segment of nobody: the sequence number is our acknowledgment number.
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(t, rx_segments: 1, rx_resets: 1, tx_segments: 1, tx_bytes: 100);
}
