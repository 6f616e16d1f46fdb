//! RFC 7765 4: five segments can be repaired by duplicates.

use super::plain;
use crate::script::*;

//= rfc7765#4 RFC7765-4-2
pub fn long_flight_times_out_from_the_last_ack(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(6000);
    assert_eq!(t.drain(), 6);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 499 ms);
    expect!(t, at 500 ms, ACK, seq 1001, ack 1, len 1000);
}
