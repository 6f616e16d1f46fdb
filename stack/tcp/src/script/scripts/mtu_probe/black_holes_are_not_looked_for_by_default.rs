//! Nor where it is not asked for.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

pub fn black_holes_are_not_looked_for_by_default(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Off);
    t.send(1000);
    for at in [0, 200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
}
