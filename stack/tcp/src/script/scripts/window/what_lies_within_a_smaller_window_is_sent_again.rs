//! RFC 9293 SHLD-16: what was sent, and lies within what is left of the window, is sent again as always.

use crate::Config;
use crate::script::*;

//= rfc9293#3.8.6 SHLD-16
pub fn what_lies_within_a_smaller_window_is_sent_again(bench: &mut dyn Bench) {
    let config = Config { frto: false, ..Config::default() };
    let peer = Peer { window: 4000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1, win 2000);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, win 2000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    silence!(t);
}
