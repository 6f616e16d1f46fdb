//! The peer's SYN and its SYN,ACK come in one burst: ours never went out, so its SYN is acknowledged now.

use crate::State;
use crate::script::*;

//= rfc9293#3.5 MUST-10
pub fn both_open_at_once_in_one_burst(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::Established);
}
