//! An owner that keeps TIME-WAIT itself gets the connection closed, with its last ACK to be sent.

use crate::script::*;
use crate::{Config, Ended, State, TimeWait};

pub fn time_wait_kept_by_the_owner(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    inject!(t, FIN | ACK, seq 1, ack 2, len 10);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::TimeWait)));
    expect!(t, ACK, seq 2, ack 12);
    silence!(t, until 100_000 ms);
    t.recv(10);
    assert!(t.is_at_end());
}
