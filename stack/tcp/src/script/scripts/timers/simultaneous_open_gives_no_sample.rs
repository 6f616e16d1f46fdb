//! SYN and SYN,ACK have one sequence number: the peer may have acknowledged either.

use crate::script::*;

//= rfc6298#3 RFC6298-3-1
pub fn simultaneous_open_gives_no_sample(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    silence!(t, until 600 ms);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    silence!(t, until 700 ms);
    inject!(t, ACK, seq 1, ack 1);
    t.send(500);
    expect!(t, ACK, seq 1, ack 1, len 500);
    // The SYN,ACK's 100 ms would make 300.
    expect!(t, at 1700 ms, ACK, seq 1, ack 1, len 500);
}
