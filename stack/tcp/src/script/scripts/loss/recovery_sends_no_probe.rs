//! RFC 8985 7.2: recovery asks by what it sends again; what that cannot tell, the timeout does.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.2 RFC8985-7.2-4
pub fn recovery_sends_no_probe(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    for end in (2001..=10_001).step_by(1000) {
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        t.drain();
    }
    // New segments are in flight by now, and nobody answers them.
    t.skip_until(5000);
    t.counters_of(|counters| assert_eq!(counters.tail_probes, 0));
    t.counters_of(|counters| assert!(counters.timeouts > 0));
}
