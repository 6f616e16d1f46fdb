//! What SACK reported has arrived, by whatever path.

use crate::script::*;

pub fn sacked_segments_are_not_sent_again(bench: &mut dyn Bench) {
    let (setup, peer) =
        (Setup { sack: true, ..Setup::nodelay() }, Peer { sack: true, ..Peer::default() });
    let mut t = Trace::established(bench, setup, peer);
    t.send(3000);
    assert_eq!(t.drain(), 3);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    // Overtaken, and sent again as it is.
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(2001, 500);
    for at in [1, 501, 2001, 2501] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    silence!(t);
}
