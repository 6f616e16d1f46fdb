//! Also for a connection that does not come about.

use super::{BY_USER, patience};
use crate::script::*;

pub fn syn_times_out_by_the_user(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.set_patience(patience(4));
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    expect!(t, at 3000 ms, SYN, seq 0, mss 1000);
    silence!(t, until 100_000 ms);
    assert_eq!(t.ended(), BY_USER);
}
