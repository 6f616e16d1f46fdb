//! RFC 5682 2.1: nothing new may be sent, so there is no test.

use super::plain;
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-3
pub fn no_new_payload_no_test(bench: &mut dyn Bench) {
    let mut t = plain(bench);
    t.send(3000);
    assert_eq!(t.drain(), 3);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}
