//! The reset is at the end of what was sent, not of what was posted.

use crate::script::*;

pub fn abort_drops_what_was_not_sent(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(5000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.abort();
    expect!(t, RST | ACK, seq 1001, ack 1);
    silence!(t, until 10_000 ms);
}
