//! RFC 5682 3.1 step 1: a second timeout is repaired without a test.

use super::plain;
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-1
pub fn second_timeout_is_believed(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    expect!(t, at 1100 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 1200 ms);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t);
}
