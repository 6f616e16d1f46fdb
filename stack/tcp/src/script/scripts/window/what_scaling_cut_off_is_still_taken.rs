//! RFC 7323 2.4: a window in steps of 16 bytes ends up to 15 bytes before the one that was told earlier.

use crate::script::*;

//= rfc7323#2.4 RFC7323-2.4-1
pub fn what_scaling_cut_off_is_still_taken(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(4), rcv_buf: 10 << 10, ..Setup::default() };
    let peer = Peer { window_scale: Some(0), ..Peer::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, len 1);
    // The handshake told of 10,240 bytes; now the edge is 10,226 instead of 10,241.
    expect!(t, at 40 ms, ACK, seq 1, ack 2, win 639);
    inject!(t, ACK, seq 10_141, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 2);
    for seq in (2..10_141).step_by(1000) {
        inject!(t, ACK, seq seq, ack 1, len (10_141 - seq).min(1000));
    }
    t.drain();
    silence!(t, until 1000 ms);
    t.recv(10_240);
}
