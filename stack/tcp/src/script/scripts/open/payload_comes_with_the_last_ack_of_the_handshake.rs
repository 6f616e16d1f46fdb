//! The first payload may arrive with, or instead of, the bare ACK.

use crate::script::*;

pub fn payload_comes_with_the_last_ack_of_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.recv(100);
    expect!(t, at 40 ms, ACK, seq 1, ack 101);
}
