//! RFC 5682 2.1: whether the timeout was needed is tested as ever. What the echo asked for is not taken back.

use super::{CWR, ECE, agreed};
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-4
pub fn a_spurious_timeout_after_an_echo_is_seen(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    t.expect(None, Seg::new(ACK | CWR).seq(11_001).ack(1).len(1000).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK).seq(12_001).ack(1).len(1000).ecn(Ecn::Ect0));
    inject!(t, ACK, seq 1, ack 4001);
    silence!(t);
    inject!(t, ACK, seq 1, ack 11_001);
    assert_eq!(t.drain(), 4, "two are in flight, and half of ten, and one, may be");
    t.counters_of(|counters| {
        assert_eq!((counters.timeouts, counters.retransmits, counters.undo_frto), (1, 1, 1));
    });
}
