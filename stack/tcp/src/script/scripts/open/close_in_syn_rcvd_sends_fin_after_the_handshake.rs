//! RFC 9293 3.10.4: queued until the connection is open.

use crate::State;
use crate::script::*;

pub fn close_in_syn_rcvd_sends_fin_after_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.close();
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, FIN | ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::FinWait1);
}
