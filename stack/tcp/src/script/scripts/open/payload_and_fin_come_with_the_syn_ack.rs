//! RFC 9293 3.10.7.3, fourth: what comes with the SYN,ACK counts.

use crate::State;
use crate::script::*;

pub fn payload_and_fin_come_with_the_syn_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    t.inject(t.peer_syn(SYN | ACK | FIN).ack(1).len(0));
    expect!(t, ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::CloseWait);
    assert!(t.is_at_end());
}
