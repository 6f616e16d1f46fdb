//! RFC 7323 2.3: fourteen is used.

use crate::Config;
use crate::script::*;

//= rfc7323#2.3 RFC7323-2.3-3
pub fn scale_above_fourteen(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 40, ..Config::default() };
    let peer = Peer { window_scale: Some(15), window: 1000, ..Peer::default() };
    let setup = Setup { window_scale: Some(0), config, ..Setup::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, win 1);
    t.send(40_000);
    assert_eq!(t.drain(), 16, "16,384 bytes");
}
