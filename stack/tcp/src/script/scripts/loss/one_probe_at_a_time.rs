//! RFC 8985 7.3: one probe a tail, whatever else is acknowledged meanwhile.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.3 RFC8985-7.3-2
pub fn one_probe_at_a_time(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    expect!(t, at 302 ms, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 310 ms);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(2000);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.timeouts), (1, 2)));
}
