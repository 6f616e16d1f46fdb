//! As Linux: half as long again, and never shorter than 48 bytes.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

pub fn deeper_black_hole_makes_them_shorter(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(1000);
    t.skip_until(1399);
    for (at, len) in
        [(1400, 500), (3000, 250), (6200, 125), (12_600, 62), (25_400, 48), (51_000, 48)]
    {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(len));
    }
}
