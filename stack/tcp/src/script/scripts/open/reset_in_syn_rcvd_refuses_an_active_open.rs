//! RFC 9293 3.5: who opened is known also in SYN-RECEIVED, and here it was this end.

use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.5 MUST-11
pub fn reset_in_syn_rcvd_refuses_an_active_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Refused)));
}
