//! RFC 5682 2.1: without SACK a duplicate ends the test before it began.

use super::plain;
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-2
pub fn duplicate_without_sack_ends_the_test(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}
