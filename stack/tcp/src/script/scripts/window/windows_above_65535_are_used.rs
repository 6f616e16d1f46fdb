//! RFC 9293 REC-1: a window is more than its field holds.

use crate::Config;
use crate::script::*;

//= rfc9293#3.1 REC-1
pub fn windows_above_65535_are_used(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 120, ..Config::default() };
    let setup = Setup { config, window_scale: Some(2), ..Setup::default() };
    let peer = Peer { window_scale: Some(9), window: 200, ..Peer::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, len 10);
    t.send(110_000);
    assert_eq!(t.drain(), 102, "of 102,400 bytes");
    inject!(t, ACK, seq 11, ack 1, win 205);
    assert_eq!(t.drain(), 2, "of 104,960");
}
