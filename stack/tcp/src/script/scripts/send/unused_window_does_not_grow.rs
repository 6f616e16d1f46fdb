//! RFC 7661: who sends a segment at a time learns nothing about the path.

use super::established;
use crate::script::*;

pub fn unused_window_does_not_grow(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for i in 0..20 {
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(1 + i * 1000).ack(1).len(1000));
        t.inject(Seg::new(ACK).seq(1).ack(1001 + i * 1000));
    }
    t.send(20_000);
    assert_eq!(t.drain(), 10);
}
