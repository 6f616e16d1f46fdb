//! RFC 5681 4.1: silence is measured by the path's timeout, not by how far window probes have backed off.

use super::established;
use crate::script::*;

pub fn probes_of_a_window_do_not_lengthen_the_timeout_of_idleness(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 20);
    inject!(t, ACK, seq 1, ack 30_001, win 0);
    t.send(60_000);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(30_000).ack(1));
    }
    silence!(t, until 3100 ms);
    inject!(t, ACK, seq 1, ack 30_001, win 65_535);
    assert_eq!(t.drain(), 10, "the next probe would have come after 3.2 seconds");
}
