//! RFC 8985 7.4.2: the ACK of all up to a probe may be the original's. What tells is what comes behind it: a duplicate,
//! which is the probe's own answer, or an ACK of more without one, and then the original was lost.

use super::with_sack;
use crate::script::*;

//= rfc8985#7.4.2 RFC8985-7.4.2-2
pub fn answer_of_a_probe_is_waited_for_behind_its_ack(bench: &mut dyn Bench) {
    let mut t = probed(bench);
    send_more(&mut t);
    inject!(t, ACK, seq 1, ack 11_001);
    t.counters_of(|counters| assert_eq!(counters.tail_probe_repairs, 1, "no answer"));

    let mut t = probed(bench);
    send_more(&mut t);
    inject!(t, ACK, seq 1, ack 10_001);
    inject!(t, ACK, seq 1, ack 11_001);
    t.counters_of(|counters| assert_eq!(counters.tail_probe_repairs, 0, "both have arrived"));

    let mut t = probed(bench);
    inject!(t, ACK, seq 1, ack 10_001);
    send_more(&mut t);
    inject!(t, ACK, seq 1, ack 11_001);
    t.counters_of(|counters| assert_eq!(counters.tail_probe_repairs, 0, "nothing is in flight"));
}

/// A probe was acknowledged.
fn probed(bench: &mut dyn Bench) -> Trace {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 9001);
    expect!(t, at 400 ms, ACK, seq 9001, ack 1, len 1000);
    silence!(t, until 410 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    t
}

fn send_more(t: &mut Trace) {
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 420 ms);
}
