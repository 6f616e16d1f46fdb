//! RFC 9293 MUST-27: probes are for idle connections.

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Config, Keepalive};

//= rfc9293#3.8.4 MUST-26 MUST-27
pub fn keepalive_waits_for_outstanding_payload(bench: &mut dyn Bench) {
    let (idle, interval) = (Nanos::from_millis(300), Nanos::from_millis(10));
    let keepalive = Keepalive { idle, interval, probes_max: 2 };
    let mut setup = Setup { config: Config { keepalive, ..Config::default() }, ..Setup::default() };
    setup.switches.keepalive = true;
    let mut t = Trace::established(bench, setup, Peer::default());
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
    }
    inject!(t, ACK, seq 1, ack 101);
    silence!(t, until 1695 ms);
    expect!(t, at 1700 ms, ACK, seq 100, ack 1);
}
