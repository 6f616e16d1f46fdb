//! RFC 9438 4.3: where the function grows slower than Reno would, the window follows what Reno's would be, as soon as
//! that grows, though how fast the function grows is made out once in a 32nd of a second only.

use super::with;
use crate::CongestionControl;
use crate::script::*;

//= rfc9438#4.3 RFC9438-4.3-1
pub fn cubic_follows_the_reno_friendly_window(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Cubic, 10);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(60_000);
    assert_eq!(t.drain(), 7);
    // The function asks for a segment more in 17, and the Reno-friendly window grows by 9/17 of one in 7: after 14.
    for n in 1..=13 {
        t.skip_until(100 + 2 * (n - 1));
        t.inject(Seg::new(ACK).seq(1).ack(10_001 + 1000 * n as u32));
        assert_eq!(t.drain(), 1, "after {n} segments");
    }
    inject!(t, ACK, seq 1, ack 24_001);
    assert_eq!(t.drain(), 2);
}
