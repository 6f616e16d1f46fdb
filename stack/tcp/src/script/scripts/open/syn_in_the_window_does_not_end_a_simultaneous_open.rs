//! RFC 9293 3.10.7.4, fourth: only who was opened passively goes back to listening.

use crate::State;
use crate::script::*;

//= rfc5961#4.2 RFC5961-4.2-1
pub fn syn_in_the_window_does_not_end_a_simultaneous_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, SYN, seq 500, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::SynRcvd);
}
