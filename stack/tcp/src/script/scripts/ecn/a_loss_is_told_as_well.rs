//! RFC 3168 6.1.2: the peer stops to echo when it is told of any reduction.

use super::{CWR, agreed};
use crate::script::*;

//= rfc3168#6.1.2 RFC3168-6.1.2-4
pub fn a_loss_is_told_as_well(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(1000);
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
}
