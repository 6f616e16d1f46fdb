//! Without SACK nothing is said of it.

use crate::script::*;

pub fn duplicate_is_not_reported_without_sack(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 101);
}
