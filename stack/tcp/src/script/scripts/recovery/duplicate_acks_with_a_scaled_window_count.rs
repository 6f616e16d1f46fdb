//! An ACK is a duplicate if its window is the last one, in whatever unit it is told.

use crate::script::*;

//= rfc5681#3.2 RFC5681-3.2-3
pub fn duplicate_acks_with_a_scaled_window_count(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), ..Setup::default() };
    let peer = Peer { window_scale: Some(4), window: 3000, ..Peer::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
}
