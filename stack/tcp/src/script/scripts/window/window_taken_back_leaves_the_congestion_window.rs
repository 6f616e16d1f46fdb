//! That the peer takes its window back says nothing about the path: once it is given again, what was in flight before
//! may be in flight again.

use crate::script::*;

pub fn window_taken_back_leaves_the_congestion_window(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001, win 65_535);
    t.send(30_000);
    assert_eq!(t.drain(), 20, "ten, and one for each that was acknowledged");
}
