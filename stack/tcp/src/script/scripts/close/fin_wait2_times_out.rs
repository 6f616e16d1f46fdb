//! A peer that never closes, where the owner does not wait for ever.

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Config, Ended, GaveUp, State};

pub fn fin_wait2_times_out(bench: &mut dyn Bench) {
    let config = Config { fin_wait2: Some(Nanos::from_secs(10)), ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 9_990 ms);
    assert_eq!(t.state(), State::FinWait2);
    silence!(t, until 10_010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::FinWait2)));
    counted!(t, rx_segments: 1, tx_segments: 1, timed_out: 1);
}
