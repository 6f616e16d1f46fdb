//! A SYN that never left is no lost one: the initial window and the timeout stay as they are (RFC 6298 5.7).

use crate::script::*;

pub fn syn_is_tried_again_without_backoff(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    if !t.block(true) {
        return;
    }
    t.connect();
    silence!(t, until 3000 ms);
    assert!(t.block(false));
    expect!(t, at 3000 ms, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.send(3000);
    assert_eq!(t.drain(), 3, "the initial window");
    counted!(
        t, active_opens: 1, established: 1, rx_segments: 1, tx_segments: 5, tx_acks: 1, tx_bytes: 3000,
    );
}
