//! Each side's windows count in its own unit, and a SYN's in none.

use crate::script::*;

//= rfc7323#2.2 RFC7323-2.2-2
//= rfc7323#2.3 RFC7323-2.3-1 RFC7323-2.3-2
pub fn scales_differ(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), rcv_buf: 116 << 10, ..Setup::default() };
    let peer = Peer { window_scale: Some(9), window: 10, ..Peer::default() };
    let mut t = Trace::new(bench, setup, peer);
    t.connect();
    expect!(t, SYN, seq 0, mss 1000, wscale 2, win 65_535);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 9, win 2000);
    expect!(t, ACK, seq 1, ack 1, win 29_696);
    t.send(9000);
    assert_eq!(t.drain(), 2, "the SYN,ACK's window as it is");
    inject!(t, ACK, seq 1, ack 1, len 1000, win 10);
    assert_eq!(t.drain(), 3, "5120 bytes");
    inject!(t, ACK, seq 1001, ack 5001, len 1000, win 0);
    expect!(t, at 40 ms, ACK, seq 5001, ack 2001, win 29_196);
}
