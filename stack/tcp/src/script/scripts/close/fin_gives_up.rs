//! A peer that never acknowledges our FIN is given up.

use crate::script::*;
use crate::{Config, Ended, GaveUp, State};

pub fn fin_gives_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, at 0 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1);
    expect!(t, at 600 ms, FIN | ACK, seq 1, ack 1);
    silence!(t, until 1390 ms);
    assert_eq!(t.state(), State::FinWait1);
    silence!(t, until 1410 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
    counted!(t, tx_segments: 3, retransmits: 2, timeouts: 2, timed_out: 1);
}
