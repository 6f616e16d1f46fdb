//! RFC 2018 3: that is all there is room for.

use crate::script::*;

//= rfc2018#3 RFC2018-3-1
pub fn three_blocks_with_timestamps(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    for at in [1001, 3001, 5001, 7001] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(1000));
    }
    let latest = [(7001, 8001), (5001, 6001), (3001, 4001)];
    for _ in 0..4 {
        expect!(t, ACK, seq 1, ack 1, sack latest);
    }
}
