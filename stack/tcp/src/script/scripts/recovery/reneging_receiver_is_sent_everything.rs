//! RFC 2018 8: a receiver may drop what it reported.

use super::with_sack;
use crate::script::*;

//= rfc2018#8 RFC2018-8-1 RFC2018-8-2
pub fn reneging_receiver_is_sent_everything(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 3001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 327 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // Sent before what was just repaired, and still not here.
    expect!(t, ACK, seq 3001, ack 1, len 1000);
    silence!(t, until 399 ms);
    expect!(t, at 400 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
}
