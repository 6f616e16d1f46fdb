//! Karn's rule holds for a SYN,ACK that the peer's SYN has called for again, before any timer ran out: which of the two
//! is acknowledged nobody can tell. One was lost, so the window begins with a single segment.

use crate::script::*;

//= rfc6298#3 RFC6298-3-1
//= rfc9293#3.8.1 MUST-18
//= rfc5681#3.1 RFC5681-3.1-2
pub fn syn_ack_sent_again_gives_no_sample(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    t.expect(Some(0), t.syn_ack());
    silence!(t, until 900 ms);
    inject!(t, SYN, seq 0, mss 1000);
    t.expect(Some(900), t.syn_ack());
    silence!(t, until 1500 ms);
    inject!(t, ACK, seq 1, ack 1);
    t.send(2000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    // As long as without any sample; 600 ms and four times half of them would be 1800.
    silence!(t, until 2490 ms);
    expect!(t, at 2500 ms, ACK, seq 1, ack 1, len 1000);
}
