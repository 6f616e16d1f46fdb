//! One segment over several held ranges and the gaps between them.

use super::established;
use crate::script::*;

pub fn segment_over_everything(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [101, 301, 501] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(50));
        t.expect(None, Seg::new(ACK).seq(1).ack(1));
    }
    inject!(t, ACK, seq 1, ack 1, len 520);
    expect!(t, ACK, seq 1, ack 551);
    t.recv(550);
}
