//! Even a closed connection keeps the rule.

use super::stalled;
use crate::script::*;
use crate::{Config, Ended, TimeWait};

pub fn last_word_waits_for_delivery(bench: &mut dyn Bench) {
    let config = Config { time_wait: TimeWait::Owner, ..Config::default() };
    let Some(mut t) = stalled(bench, Setup { config, ..Setup::default() }) else { return };
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2, len 10);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    silence!(t, until 1000 ms);
    assert!(t.stall(false));
    expect!(t, ACK, seq 2, ack 12);
    t.recv(10);
}
