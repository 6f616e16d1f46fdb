//! RFC 9293 3.10.7.4, fifth: an ACK of another incarnation's SYN,ACK.

use crate::State;
use crate::script::*;

pub fn old_duplicate_ack_in_syn_rcvd_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 70_001, len 10);
    expect!(t, RST, seq 70_001);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1, len 10);
    assert_eq!(t.state(), State::Established);
    t.recv(10);
}
