//! The peer's clock, which starts 61 ms before 2^32, and ours, which starts a little more, go round.

use super::established;
use crate::script::*;

pub fn timestamps_wrap(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [10, 70, 1_000, 1_000_000] {
        t.skip_until(at);
        let seq = t.received() + 1;
        t.inject(Seg::new(ACK).seq(seq).ack(1).len(10));
        let ack = Seg::new(ACK).seq(1).ack(seq + 10).tsecr(at as u32).tsval(at as u32 + 40);
        t.expect(Some(at + 40), ack);
        t.recv(10);
    }
}
