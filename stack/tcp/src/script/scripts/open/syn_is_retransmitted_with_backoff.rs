//! RFC 6298 5.5; after a lost SYN the window is one segment (RFC 5681 3.1) and the timeout 3 s (RFC 6298 5.7).

use crate::script::*;

//= rfc9293#3.8.3 MUST-22
//= rfc6298#5.7 RFC6298-5.7-1
//= rfc6298#2.1 RFC6298-2.1-1
//= rfc5681#3.1 RFC5681-3.1-2
//= rfc6928#2 RFC6928-2-2
pub fn syn_is_retransmitted_with_backoff(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    expect!(t, at 3000 ms, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 5900 ms);
    expect!(t, at 6000 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, active_opens: 1, established: 1, rx_segments: 1, tx_segments: 6, tx_acks: 1, timeouts: 3,
        retransmits: 3, tx_bytes: 1000, retransmitted_bytes: 1000,
    );
}
