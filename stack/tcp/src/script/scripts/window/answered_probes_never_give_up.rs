//! RFC 9293 MUST-37.

use crate::script::*;
use crate::{Config, State};

//= rfc9293#3.8.6.1 MUST-37 SHLD-30
pub fn answered_probes_never_give_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    let mut at = 0;
    for backoff in [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000] {
        at += backoff;
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    assert_eq!(t.state(), State::Established);
}
