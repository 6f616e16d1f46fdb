//! RFC 3168 6.1.2: nor does a timeout lower the threshold again; but the window starts over.

use super::{CWR, ECE, agreed};
use crate::script::*;

//= rfc3168#6.1.2 RFC3168-6.1.2-3 RFC3168-6.1.2-5
pub fn a_timeout_in_a_window_that_was_echoed_does_not_count(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
    t.inject(Seg::new(ACK | ECE).seq(1).ack(7001));
    assert_eq!(t.drain(), 1, "five are in flight");
    expect!(t, at 200 ms, ACK, seq 7001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 12_001);
    assert_eq!(t.drain(), 5, "half of ten, and not of five");
    t.counters_of(|counters| assert_eq!((counters.ecn_reductions, counters.timeouts), (1, 1)));
}
