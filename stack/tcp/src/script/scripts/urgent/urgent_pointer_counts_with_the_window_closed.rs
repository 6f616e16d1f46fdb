//! RFC 9293 3.10.7.4, first: also when there is no room for anything.

use crate::script::*;

//= rfc9293#3.4 MUST-66
pub fn urgent_pointer_counts_with_the_window_closed(bench: &mut dyn Bench) {
    let setup = Setup { rcv_buf: 1024, ..Setup::default() };
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    inject!(t, ACK | URG, seq 1025, ack 1, urg 7);
    assert_eq!(t.urgent_end(), Some(1031));
}
