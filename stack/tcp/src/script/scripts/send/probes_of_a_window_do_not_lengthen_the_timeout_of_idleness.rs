//! RFC 5681 4.1: silence is measured by the path's timeout, not by how far window probes have backed off.

use crate::Config;
use crate::script::*;

pub fn probes_of_a_window_do_not_lengthen_the_timeout_of_idleness(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 5, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(15_000);
    assert_eq!(t.drain(), 5);
    inject!(t, ACK, seq 1, ack 5001);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 15_001, win 0);
    t.send(60_000);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(15_000).ack(1));
    }
    silence!(t, until 3100 ms);
    inject!(t, ACK, seq 1, ack 15_001, win 65_535);
    assert_eq!(t.drain(), 5, "the next probe would have come after 3.2 seconds");
}
