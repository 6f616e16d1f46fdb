//! RFC 3168 6.1.3: every segment says it, until the peer says that it has heard.

use super::{CWR, ECE, agreed};
use crate::script::*;

//= rfc3168#6.1.3 RFC3168-6.1.3-1
pub fn a_mark_is_echoed_until_cwr(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    // At once: the peer's window may be one segment.
    t.inject(Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1, ack 1001);
    t.inject(Seg::new(ACK).seq(1001).ack(1).len(1000).ecn(Ecn::Ect0));
    t.inject(Seg::new(ACK).seq(2001).ack(1).len(1000).ecn(Ecn::Ect0));
    expect!(t, ACK | ECE, seq 1, ack 3001);
    t.send(1000);
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(3001).len(1000).ecn(Ecn::Ect0));
    t.inject(Seg::new(ACK | CWR).seq(3001).ack(1001).len(1000).ecn(Ecn::Ect0));
    expect!(t, ACK, seq 1001, ack 4001);
    // A mark on the very segment that ends the echo is a new one.
    t.inject(Seg::new(ACK).seq(4001).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 5001);
    t.inject(Seg::new(ACK | CWR).seq(5001).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 6001);
    t.counters_of(|counters| assert_eq!(counters.rx_ce, 3));
}
