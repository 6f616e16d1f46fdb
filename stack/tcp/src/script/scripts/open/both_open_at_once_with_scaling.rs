//! The window of a SYN,ACK is not scaled, in this order of events either.

use crate::script::*;

//= rfc7323#2.2 RFC7323-2.2-2
pub fn both_open_at_once_with_scaling(bench: &mut dyn Bench) {
    let peer = Peer { window_scale: Some(9), ..Peer::default() };
    let setup = Setup { window_scale: Some(0), ..Setup::default() };
    let mut t = Trace::new(bench, setup, peer);
    t.connect();
    expect!(t, SYN, seq 0, mss 1000, wscale 0);
    inject!(t, SYN, seq 0, mss 1000, wscale 9, win 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 0);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 9, win 2100);
    t.send(9000);
    assert_eq!(t.drain(), 2);
}
