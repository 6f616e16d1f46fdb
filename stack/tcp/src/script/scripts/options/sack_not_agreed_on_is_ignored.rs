//! RFC 2018 3: what was not agreed on says nothing.

use crate::script::*;

pub fn sack_not_agreed_on_is_ignored(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.send(5000);
    assert_eq!(t.drain(), 5);
    // Nor are these duplicates of an ACK, which come with nothing new.
    inject!(t, ACK, seq 1, ack 1001, sack [(2001, 5001)]);
    silence!(t, until 150 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 5001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
}
