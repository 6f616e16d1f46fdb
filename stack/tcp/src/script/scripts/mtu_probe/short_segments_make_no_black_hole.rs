//! Length is not what stops them.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

pub fn short_segments_make_no_black_hole(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(400);
    for at in [0, 200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(400));
    }
    inject!(t, ACK, seq 1, ack 401);
    t.send(1000);
    expect!(t, at 6200 ms, ACK, seq 401, ack 1, len 1000);
}
