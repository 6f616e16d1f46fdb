//! Nothing to be said, for a year.

use crate::script::*;

pub fn idle_connection_has_no_timer(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    silence!(t, until 31_536_000_000 ms);
    counted!(t);
}
