//! Linux's TCP_SYNCNT.

use crate::script::*;
use crate::{Ended, GaveUp, Patience, State};

pub fn syns_are_sent_as_often_as_asked_for(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.set_patience(Patience { syn_retransmits_max: Some(1), ..Patience::default() });
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    silence!(t, until 2999 ms);
    assert_eq!(t.state(), State::SynSent);
    silence!(t, until 100_000 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
}
