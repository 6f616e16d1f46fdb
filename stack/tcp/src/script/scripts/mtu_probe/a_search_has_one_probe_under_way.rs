//! RFC 4821 7.6: the loss of a probe is no congestion, so there must not be many of them: one a round trip, until
//! what is left is not worth one.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.6 RFC4821-7.6-1
pub fn a_search_has_one_probe_under_way(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(12_750);
    expect!(t, ACK, seq 1, ack 1, len 750);
    for n in 0..24 {
        t.expect(None, Seg::new(ACK).seq(751 + n * 500).ack(1).len(500));
    }
    silence!(t);
    t.send(3000);
    for n in 0..6 {
        t.expect(None, Seg::new(ACK).seq(12_751 + n * 500).ack(1).len(500));
    }
    inject!(t, ACK, seq 1, ack 15_751);
    t.send(4000);
    expect!(t, ACK, seq 15_751, ack 1, len 875);
    t.counters_of(|counters| {
        assert_eq!((counters.mtu_probes, counters.mtu_probes_arrived), (2, 1))
    });
}
