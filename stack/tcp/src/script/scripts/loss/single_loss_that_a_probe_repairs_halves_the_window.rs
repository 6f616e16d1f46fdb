//! RFC 8985 7.4.2: what the probe carried was all that was lost, which is a loss like any other.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.4.2 RFC8985-7.4.2-1
pub fn single_loss_that_a_probe_repairs_halves_the_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 9001);
    expect!(t, at 400 ms, ACK, seq 9001, ack 1, len 1000);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 11_001);
    t.counters_of(|counters| assert_eq!(counters.tail_probe_repairs, 1));
    t.send(20_000);
    silence!(t);
    // Half of the nine that were in flight, and one for a window's worth of ACKs.
    inject!(t, ACK, seq 1, ack 17_001);
    assert_eq!(t.drain(), 2, "five in flight");
}
