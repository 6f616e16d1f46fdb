//! RFC 9293 MUST-17.

use crate::script::*;

//= rfc9293#3.7.4 MUST-17
pub fn without_nagle_small_segments_go_out(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    for at in [1, 101, 201] {
        t.send(100);
        t.expect(None, Seg::new(ACK | PSH).seq(at).ack(1).len(100));
    }
}
