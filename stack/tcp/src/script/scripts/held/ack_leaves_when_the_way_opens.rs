//! What is owed stays owed.

use super::blocked;
use crate::script::*;

pub fn ack_leaves_when_the_way_opens(bench: &mut dyn Bench) {
    let t = Trace::established(bench, Setup::default(), Peer::default());
    let Some(mut t) = blocked(t) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 1000 ms);
    assert!(t.block(false));
    expect!(t, at 1000 ms, ACK, seq 1, ack 2001);
    silence!(t, until 5000 ms);
}
