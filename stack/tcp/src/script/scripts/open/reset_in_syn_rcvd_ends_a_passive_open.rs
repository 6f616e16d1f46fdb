//! The listener goes on as if nothing had been.

use crate::Ended;
use crate::script::*;

//= rfc9293#3.5 MUST-11
pub fn reset_in_syn_rcvd_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, RST, seq 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Reset));
}
