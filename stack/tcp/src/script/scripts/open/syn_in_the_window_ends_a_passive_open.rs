//! RFC 9293 3.10.7.4, fourth: back to LISTEN.

use crate::Ended;
use crate::script::*;

pub fn syn_in_the_window_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, SYN, seq 100, mss 1000);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Reset));
}
