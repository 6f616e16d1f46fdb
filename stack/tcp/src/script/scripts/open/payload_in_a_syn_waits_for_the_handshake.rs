//! RFC 9293 3.4: a SYN may carry payload; it is not acknowledged, and so comes again when the handshake
//! has proved where it is from.

use crate::script::*;

pub fn payload_in_a_syn_waits_for_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000, len 100);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.recv(100);
}
