//! RFC 5681 4.1: what was known about the path is out of date.

use crate::Config;
use crate::script::*;

//= rfc5681#4.1 RFC5681-4.1-1
pub fn idle_connection_starts_over(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 5, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(15_000);
    assert_eq!(t.drain(), 5);
    inject!(t, ACK, seq 1, ack 5001);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 15_001);
    silence!(t, until 10_000 ms);
    t.send(30_000);
    assert_eq!(t.drain(), 5);
}
