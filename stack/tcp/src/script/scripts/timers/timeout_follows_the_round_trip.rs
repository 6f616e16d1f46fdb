//! RFC 6298 2.2: 300 ms, and four times half of it.

use crate::script::*;

//= rfc9293#3.8.1 MUST-18
//= rfc6298#3 RFC6298-3-2
//= rfc6298#2.2 RFC6298-2.2-1
pub fn timeout_follows_the_round_trip(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    silence!(t, until 300 ms);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.send(100);
    expect!(t, at 300 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 1190 ms);
    expect!(t, at 1200 ms, ACK, seq 1, ack 1, len 100);
}
