//! Nor where it is not asked for.

use crate::script::*;

pub fn black_holes_are_not_looked_for_by_default(bench: &mut dyn Bench) {
    // Longer than what a search would begin with.
    let setup = Setup { mss: 1400, ..Setup::nodelay() };
    let mut t = Trace::established(bench, setup, Peer { mss: Some(1400), ..Peer::default() });
    t.send(1400);
    for at in [0, 200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1400));
    }
}
