//! As configured: a path that is used from time to time is what it was.

use crate::Config;
use crate::script::*;

pub fn idle_connection_may_keep_its_window(bench: &mut dyn Bench) {
    let config = Config { slow_start_after_idle: false, ..Config::default() };
    let setup = Setup { config, ..Setup::default() };
    let mut t = Trace::established(bench, setup, Peer::default());
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 20);
    inject!(t, ACK, seq 1, ack 30_001);
    silence!(t, until 10_000 ms);
    t.send(60_000);
    assert_eq!(t.drain(), 40);
}
