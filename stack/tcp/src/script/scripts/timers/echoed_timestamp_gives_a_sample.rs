//! RFC 7323 4.1: the echo says which of both arrived. The sample of 80 ms counts an eighth.

use crate::script::*;

pub fn echoed_timestamp_gives_a_sample(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    t.send(100);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 100);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 100);
    silence!(t, until 280 ms);
    inject!(t, ACK, seq 1, ack 101);
    t.send(100);
    expect!(t, at 280 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 480 ms);
    expect!(t, at 490 ms, ACK, seq 101, ack 1, len 100);
}
