//! A DSACK of bytes that were never sent, or so long ago that nothing of them can be under way, is no duplicate's.

use super::with_sack;
use crate::script::*;

//= rfc2883#4 RFC2883-4-4
pub fn duplicate_reports_that_cannot_be_are_ignored(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    let old = 0_u32.wrapping_sub(70_000);
    inject!(t, ACK, seq 1, ack 1, sack [(old, old + 10)]);
    inject!(t, ACK, seq 1, ack 1, sack [(4001, 5001), (3001, 6001)]);
    t.counters_of(|counted| assert_eq!(counted.rx_dsacks, 0));
    inject!(t, ACK, seq 1, ack 1001, sack [(1, 1001)]);
    t.counters_of(|counted| assert_eq!(counted.rx_dsacks, 1));
}
