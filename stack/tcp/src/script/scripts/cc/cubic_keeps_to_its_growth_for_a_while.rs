//! As Linux: how fast the window grows is made out once in a 32nd of a second, while it does not.

use super::with;
use crate::CongestionControl;
use crate::script::*;

//= rfc9438#4.3 RFC9438-4.3-1
pub fn cubic_keeps_to_its_growth_for_a_while(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Cubic, 10);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(60_000);
    assert_eq!(t.drain(), 7);
    // The function asks for a segment more in 17. The Reno-friendly window is ahead after 14, unseen.
    for n in 1..=15 {
        t.skip_until(100 + 2 * (n - 1));
        t.inject(Seg::new(ACK).seq(1).ack(10_001 + 1000 * n as u32));
        assert_eq!(t.drain(), 1, "after {n} segments");
    }
    t.skip_until(140);
    inject!(t, ACK, seq 1, ack 26_001);
    assert_eq!(t.drain(), 2);
}
