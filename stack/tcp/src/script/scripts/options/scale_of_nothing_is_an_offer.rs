//! RFC 7323 2.2: a shift of nothing is an offer like any other, and lets the other side scale.

use crate::script::*;

pub fn scale_of_nothing_is_an_offer(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), rcv_buf: 100 << 10, ..Setup::default() };
    let peer = Peer { window_scale: Some(0), window: 3000, ..Peer::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(9000);
    expect!(t, ACK, seq 1, ack 1001, len 1000, win 25_350);
    assert_eq!(t.drain(), 2, "the peer's window counts bytes");
}
