//! The peer's FIN has been acknowledged already: nothing is left to be said.

use crate::script::*;
use crate::{Config, Ended, TimeWait};

pub fn simultaneous_close_with_time_wait_kept_by_the_owner(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
}
