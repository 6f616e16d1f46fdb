//! RFC 9293 figure 8: SYNs cross, then SYN,ACKs.

use crate::State;
use crate::script::*;

//= rfc9293#3.5 MUST-10
//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-7
pub fn both_open_at_once(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 900);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 900);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 900);
    counted!(
        t, active_opens: 1, established: 1, rx_segments: 2, tx_segments: 3, tx_bytes: 900,
    );
}
