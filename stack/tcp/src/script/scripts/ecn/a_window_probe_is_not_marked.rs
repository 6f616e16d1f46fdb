//! RFC 3168 6.1.6: it carries no byte, and is not ECN-capable.

use super::agreed;
use crate::script::*;

//= rfc3168#6.1.6 RFC3168-6.1.6-1
pub fn a_window_probe_is_not_marked(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 2001, win 0);
    t.send(1000);
    expect!(t, at 200 ms, ACK, seq 2000, ack 1);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    t.expect(None, Seg::new(ACK).seq(2001).ack(1).len(1000).ecn(Ecn::Ect0));
}
