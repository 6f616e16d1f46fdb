//! RFC 9293 3.10.7.4, fifth.

use crate::State;
use crate::script::*;

pub fn wrong_ack_in_syn_rcvd_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 2, len 10);
    expect!(t, RST, seq 2);
    inject!(t, ACK, seq 1, ack 0);
    expect!(t, RST, seq 0);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, passive_opens: 1, established: 1, rx_segments: 3, tx_segments: 3, tx_resets: 2,
        rx_drop_ack_unsent: 2,
    );
}
