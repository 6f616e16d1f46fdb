//! Probes that do not leave say nothing about the peer.

use super::blocked;
use crate::script::*;

pub fn probe_of_a_closed_window_is_not_backed_off(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    silence!(t);
    let Some(mut t) = blocked(t) else { return };
    silence!(t, until 10_000 ms);
    assert!(t.block(false));
    expect!(t, at 10_000 ms, ACK, seq 1000, ack 1);
    expect!(t, at 10_400 ms, ACK, seq 1000, ack 1);
    counted!(
        t, rx_segments: 1, rx_predicted: 1, tx_segments: 3, tx_bytes: 1000, window_probes: 2,
    );
}
