//! RFC 9293 3.7.1: how large our segments may be is not how large the peer's are.

use crate::script::*;

pub fn mss_is_of_one_direction(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(500), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::nodelay(), peer);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
    t.send(1100);
    expect!(t, ACK, seq 1, ack 2001, len 500);
    expect!(t, ACK, seq 501, ack 2001, len 500);
    expect!(t, ACK, seq 1001, ack 2001, len 100);
    silence!(t);
}
