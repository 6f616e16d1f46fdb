//! Then the peer is gone.

use crate::script::*;
use crate::{Config, Ended, GaveUp};

pub fn unanswered_probes_give_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    for at in [200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
    }
    silence!(t, until 2990 ms);
    silence!(t, until 3010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Persist)));
}
