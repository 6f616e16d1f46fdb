//! The lower of both sides' limits, and it stays one when the path widens.

use crate::script::*;

//= rfc9293#3.7.1 MUST-14 MUST-16
pub fn peer_mss_limits(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(500), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(500);
    expect!(t, ACK, seq 1, ack 1, len 500);
    t.set_mss(9000);
    t.send(1000);
    expect!(t, ACK, seq 501, ack 1, len 500);
    expect!(t, ACK, seq 1001, ack 1, len 500);
}
