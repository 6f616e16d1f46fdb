//! A peer cannot make us send a segment a byte.

use crate::script::*;

//= rfc9293#3.7.1 MUST-16
pub fn tiny_mss_is_not_followed_all_the_way_down(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(1), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 48);
}
