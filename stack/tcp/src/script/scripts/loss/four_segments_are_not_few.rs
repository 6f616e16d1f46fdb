//! RFC 7765 4: with four in flight the timer counts from the last ACK.

use super::plain;
use crate::script::*;

//= rfc7765#4 RFC7765-4-2
pub fn four_segments_are_not_few(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(5000);
    assert_eq!(t.drain(), 5);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 499 ms);
    expect!(t, at 500 ms, ACK, seq 1001, ack 1, len 1000);
}
