//! RFC 9438 4.2: an idle time is not one in which the window grows.

use super::with;
use crate::CongestionControl;
use crate::script::*;

//= rfc9438#4.2 RFC9438-4.2-3
pub fn cubic_does_not_grow_while_idle(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Cubic, 10);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(7000);
    assert_eq!(t.drain(), 7);
    inject!(t, ACK, seq 1, ack 17_001);
    // K is (3 / 0.4)^(1/3), 1.96 seconds, and an epoch has begun. Most of the next 1.2 are silence, but
    // never a timeout's worth.
    let mut at = 17_001;
    for round in 1..9 {
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(1000));
        at += 1000;
        t.inject(Seg::new(ACK).seq(1).ack(at));
        t.skip_until(100 + 150 * round);
    }
    t.send(20_000);
    assert_eq!(t.drain(), 7);
    // The function is where it was, and does not ask for 9.9 segments. Two windows of ACKs are 18/17 of a
    // segment for the Reno-friendly one, which each of them leads to.
    t.inject(Seg::new(ACK).seq(1).ack(at + 7000));
    assert_eq!(t.drain(), 9);
}
