//! A peer that could not be asked is not given up, and is asked half a second later.

use mafo_mem::Nanos;

use super::blocked;
use crate::script::*;
use crate::{Keepalive, Patience, State};

pub fn keepalive_probe_does_not_count(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.switches.keepalive = true;
    let mut t = Trace::established(bench, setup, Peer::default());
    let second = Nanos::from_secs(1);
    let keepalive = Keepalive { idle: second, interval: second, probes_max: 2 };
    t.set_patience(Patience { keepalive: Some(keepalive), ..Patience::default() });
    let Some(mut t) = blocked(t) else { return };
    silence!(t, until 20_000 ms);
    assert_eq!(t.state(), State::Established);
    assert!(t.block(false));
    expect!(t, at 20_500 ms, ACK, seq 0, ack 1);
    expect!(t, at 21_500 ms, ACK, seq 0, ack 1);
    expect!(t, at 22_500 ms, RST | ACK, seq 1, ack 1);
    counted!(t, tx_segments: 3, keepalive_probes: 2, tx_resets: 1, timed_out: 1);
}
