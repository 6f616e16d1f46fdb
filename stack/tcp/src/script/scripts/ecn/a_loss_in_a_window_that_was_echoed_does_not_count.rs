//! RFC 3168 6.1.2: nor does a loss count again.

use super::{ECE, agreed};
use crate::script::*;

//= rfc3168#6.1.2 RFC3168-6.1.2-3
pub fn a_loss_in_a_window_that_was_echoed_does_not_count(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    for _ in 0..3 {
        t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    }
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    let more = t.drain();
    t.inject(Seg::new(ACK).seq(1).ack(10_001 + more * 1000));
    assert_eq!(t.drain(), 5, "half of ten, and not a quarter");
}
