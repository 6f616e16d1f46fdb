//! RFC 3168 6.1.2: once in a window of data, and the next new payload says so.

use super::{CWR, ECE, agreed};
use crate::script::*;

//= rfc3168#6.1.2 RFC3168-6.1.2-2 RFC3168-6.1.2-3 RFC3168-6.1.2-4
pub fn an_echo_halves_the_window_once(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    // Half of what the ACKs free: one for two.
    t.inject(Seg::new(ACK | ECE).seq(1).ack(2001));
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
    silence!(t);
    for acked in 3..=9 {
        t.inject(Seg::new(ACK | ECE).seq(1).ack(acked * 1000 + 1));
    }
    inject!(t, ACK, seq 1, ack 10_001);
    t.expect(None, Seg::new(ACK).seq(11_001).ack(1).len(1000).ecn(Ecn::Ect0));
    assert_eq!(t.drain(), 3, "five are in flight");
    t.counters_of(|counters| assert_eq!(counters.ecn_reductions, 1));
    // All that was outstanding then is acknowledged: the next echo is of the next window.
    t.inject(Seg::new(ACK | ECE).seq(1).ack(11_001));
    t.counters_of(|counters| assert_eq!(counters.ecn_reductions, 2));
}
