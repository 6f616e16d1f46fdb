//! RFC 9293 MUST-15.

use crate::script::*;

//= rfc9293#3.7.1 MUST-15
pub fn peer_without_mss_gets_536(bench: &mut dyn Bench) {
    let peer = Peer { mss: None, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(600);
    expect!(t, ACK, seq 1, ack 1, len 536);
}
