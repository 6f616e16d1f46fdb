//! What the application sent before the handshake was through goes out with its ACK.

use crate::script::*;

pub fn payload_posted_early_carries_the_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.send(500);
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK | PSH, seq 1, ack 1, len 500);
    silence!(t);
}
