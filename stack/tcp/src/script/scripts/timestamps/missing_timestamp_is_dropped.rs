//! RFC 7323 3.2: dropped, and not answered.

use super::established;
use crate::State;
use crate::script::*;

//= rfc7323#3.2 RFC7323-3.2-4 RFC7323-3.2-5
pub fn missing_timestamp_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 10, no_ts true);
    silence!(t, until 1000 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 1, rx_drop_no_timestamp: 1);
}
