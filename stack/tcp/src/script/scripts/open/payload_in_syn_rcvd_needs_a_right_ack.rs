//! Nothing is taken before the handshake is through.

use crate::State;
use crate::script::*;

pub fn payload_in_syn_rcvd_needs_a_right_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.inject(Seg::new(Flags::NONE).seq(1).len(100));
    silence!(t, until 500 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::SynRcvd);
    counted!(t, passive_opens: 1, rx_segments: 1, rx_drop_no_ack: 1, tx_segments: 1);
}
