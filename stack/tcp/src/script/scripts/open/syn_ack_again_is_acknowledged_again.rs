//! Our ACK of it was lost.

use crate::script::*;

pub fn syn_ack_again_is_acknowledged_again(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t);
    counted!(t, rx_segments: 1, rx_drop_window: 1, tx_segments: 1, tx_acks: 1);
}
