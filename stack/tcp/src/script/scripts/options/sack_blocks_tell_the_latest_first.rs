//! RFC 2018 4.

use super::with_sack;
use crate::script::*;

//= rfc2018#4 RFC2018-4-1 RFC2018-4-2 RFC2018-4-3 RFC2018-4-4 RFC2018-4-5
pub fn sack_blocks_tell_the_latest_first(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    inject!(t, ACK, seq 3001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, sack [(3001, 4001), (1001, 2001)]);
    inject!(t, ACK, seq 5001, ack 1, len 1000);
    inject!(t, ACK, seq 7001, ack 1, len 1000);
    t.drain();
    inject!(t, ACK, seq 9001, ack 1, len 1000);
    let latest = [(9001, 10_001), (7001, 8001), (5001, 6001), (3001, 4001)];
    expect!(t, ACK, seq 1, ack 1, sack latest);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    let latest = [(1001, 4001), (9001, 10_001), (7001, 8001), (5001, 6001)];
    expect!(t, ACK, seq 1, ack 1, sack latest);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 4001, sack [(9001, 10_001), (7001, 8001), (5001, 6001)]);
}
