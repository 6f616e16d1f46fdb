//! RFC 6675 5: an ACK of something new starts the count of duplicates anew.

use super::established;
use crate::script::*;

//= rfc6675#5 RFC6675-5-7
pub fn duplicates_of_different_bytes_are_not_added_up(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    t.counters_of(|counters| assert_eq!((counters.rx_dup_acks, counters.fast_recoveries), (5, 1)));
}
