//! RFC 6298 5.3.

use crate::Config;
use crate::script::*;

//= rfc6298#5.3 RFC6298-5.3-1
pub fn new_ack_restarts_the_timer(bench: &mut dyn Bench) {
    let config = Config { rto_restart: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 160 ms);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 370 ms);
    expect!(t, at 380 ms, ACK, seq 1001, ack 1, len 1000);
}
