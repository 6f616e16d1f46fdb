//! RFC 9293 3.10.7.4, first, in SYN-RECEIVED.

use crate::State;
use crate::script::*;

pub fn segment_beyond_the_window_in_syn_rcvd_is_answered(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 70_000, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::SynRcvd);
    counted!(
        t, passive_opens: 1, rx_segments: 1, rx_drop_window: 1, tx_segments: 2, tx_acks: 1,
    );
}
