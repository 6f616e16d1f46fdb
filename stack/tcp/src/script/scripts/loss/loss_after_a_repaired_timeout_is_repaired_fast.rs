//! Once everything that was in flight at the timeout is acknowledged the episode is over.

use super::with_sack;
use crate::script::*;

//= rfc6675#5.1 RFC6675-5.1-2
pub fn loss_after_a_repaired_timeout_is_repaired_fast(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    t.skip_until(1000);
    inject!(t, ACK, seq 1, ack 1001);
    for round in 1..4 {
        t.send(2000);
        t.drain();
        inject!(t, ACK, seq 1, ack 1001 + 2000 * round);
    }
    t.restart_counters();
    t.send(3000);
    t.drain();
    t.skip_until(1050);
    inject!(t, ACK, seq 1, ack 7001, sack [(8001, 10_001)]);
    t.skip_until(1150);
    t.counters_of(|counted| {
        assert_eq!((counted.fast_recoveries, counted.retransmits), (1, 1));
    });
}
