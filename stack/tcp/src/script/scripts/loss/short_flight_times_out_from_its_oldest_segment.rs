//! RFC 7765 4: two segments are few; the timer counts from when the second was sent.

use super::plain;
use crate::script::*;

//= rfc7765#4 RFC7765-4-1
pub fn short_flight_times_out_from_its_oldest_segment(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // SRTT 100, and 200 more: 300 ms after 100 ms.
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1001, ack 1, len 1000);
}
