//! A search that has found what it can rests, and then looks again: paths change.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.3 RFC4821-7.3-2 RFC4821-7.3-3
pub fn search_begins_anew_after_a_while(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    let mut next = 1;
    // All probes are lost: 750, 624, 561, 530, 514, 506, and 500 to 505 is known well enough.
    for len in [750, 624, 561, 530, 514, 506] {
        t.send(4000);
        t.expect(None, Seg::new(ACK).seq(next).ack(1).len(len));
        t.drain();
        for _ in 0..3 {
            t.inject(Seg::new(ACK).seq(1).ack(next));
        }
        t.drain();
        next += 4000;
        t.inject(Seg::new(ACK).seq(1).ack(next));
    }
    t.send(4000);
    t.expect(None, Seg::new(ACK).seq(next).ack(1).len(500));
    t.drain();
    next += 4000;
    t.inject(Seg::new(ACK).seq(1).ack(next));
    t.skip_until(100_000);
    t.send(4000);
    t.expect(None, Seg::new(ACK).seq(next).ack(1).len(750));
}
