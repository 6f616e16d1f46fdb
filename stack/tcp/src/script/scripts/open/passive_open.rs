//! The same from the other side.

use crate::State;
use crate::script::*;

//= rfc9293#3.7.1 MUST-14 SHLD-5
//= rfc9293#3.2 MUST-65
pub fn passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, win 64_512, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, passive_opens: 1, established: 1, rx_segments: 1, tx_segments: 1);
}
