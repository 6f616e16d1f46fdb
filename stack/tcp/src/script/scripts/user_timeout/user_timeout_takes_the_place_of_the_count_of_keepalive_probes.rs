//! Probing goes on for as long as the user waits, and not for a number of probes.

use mafo_mem::Nanos;

use super::patience;
use crate::script::*;
use crate::{Ended, GaveUp, Keepalive, Patience};

pub fn user_timeout_takes_the_place_of_the_count_of_keepalive_probes(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.switches.keepalive = true;
    let mut t = Trace::established(bench, setup, Peer::default());
    let second = Nanos::from_secs(1);
    let keepalive = Keepalive { idle: second, interval: second, probes_max: 2 };
    t.set_patience(Patience { keepalive: Some(keepalive), ..patience(5) });
    for at in [1000, 2000, 3000, 4000] {
        t.expect(Some(at), Seg::new(ACK).seq(0).ack(1));
    }
    expect!(t, at 5000 ms, RST | ACK, seq 1, ack 1);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Keepalive)));
}
