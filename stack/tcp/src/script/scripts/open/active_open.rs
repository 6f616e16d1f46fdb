//! SYN, SYN,ACK, ACK.

use crate::State;
use crate::script::*;

//= rfc9293#3.7.1 MUST-14 SHLD-5
pub fn active_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, win 64_512, mss 1000);
    assert_eq!(t.state(), State::SynSent);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, active_opens: 1, established: 1, rx_segments: 1, tx_segments: 2, tx_acks: 1);
}
