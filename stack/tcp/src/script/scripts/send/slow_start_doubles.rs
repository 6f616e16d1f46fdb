//! RFC 5681 3.1.

use super::established;
use crate::script::*;

//= rfc9293#3.8.2 MUST-19
//= rfc5681#3.1 RFC5681-3.1-3 RFC5681-3.1-4
pub fn slow_start_doubles(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100_000);
    assert_eq!(t.drain(), 10);
    for acked in [2001, 4001, 6001, 8001, 10_001] {
        t.inject(Seg::new(ACK).seq(1).ack(acked));
        assert_eq!(t.drain(), 4, "two for those that left, two for growth");
    }
    inject!(t, ACK, seq 1, ack 30_001);
    assert_eq!(t.drain(), 40);
}
