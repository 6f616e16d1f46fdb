//! RFC 8985 7.2: where something was overtaken already, RACK needs no probe to find out.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.2 RFC8985-7.2-5
pub fn reports_leave_no_probe(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    // What is sent now would start the timer of a probe.
    t.send(1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t, until 226 ms);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.reorder_timeouts), (0, 1)));
}
