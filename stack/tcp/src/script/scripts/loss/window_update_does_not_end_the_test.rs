//! RFC 5682 2.1: a duplicate ends the test of a timeout; an ACK that only brings another window is none.

use super::plain;
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-2
pub fn window_update_does_not_end_the_test(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1, win 40_000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001, win 40_000);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t);
}
