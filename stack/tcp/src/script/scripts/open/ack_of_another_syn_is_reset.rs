//! RFC 9293 3.10.7.3, first: an old connection of the peer's answers.

use crate::State;
use crate::script::*;

pub fn ack_of_another_syn_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, ACK, seq 700, ack 4321);
    expect!(t, RST, seq 4321);
    inject!(t, SYN | ACK, seq 0, ack 0);
    expect!(t, RST, seq 0);
    assert_eq!(t.state(), State::SynSent);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    counted!(
        t, active_opens: 1, tx_segments: 4, rx_segments: 2, rx_drop_ack_unsent: 2, tx_resets: 2,
        timeouts: 1, retransmits: 1,
    );
}
