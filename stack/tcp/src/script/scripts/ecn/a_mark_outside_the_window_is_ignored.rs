//! RFC 3168 6.1.5: or anybody could slow a connection down.

use super::agreed;
use crate::script::*;

//= rfc3168#6.1.5 RFC3168-6.1.5-2
pub fn a_mark_outside_the_window_is_ignored(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.inject(Seg::new(ACK).seq(100_000).ack(1).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK, seq 1, ack 1);
    t.counters_of(|counters| assert_eq!(counters.rx_ce, 0));
}
