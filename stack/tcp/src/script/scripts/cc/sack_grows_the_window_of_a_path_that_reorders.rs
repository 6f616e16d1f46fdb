//! As Linux: what SACK reports on such a path has not overtaken a loss, and raises the window as it comes.

use super::with;
use crate::CongestionControl;
use crate::script::*;

pub fn sack_grows_the_window_of_a_path_that_reorders(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::NewReno, 10);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    t.skip_until(200);
    inject!(t, ACK, seq 1, ack 1, sack [(9001, 10_001)]);
    // Reordering by seven segments.
    inject!(t, ACK, seq 1, ack 1, sack [(3001, 4001), (9001, 10_001)]);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(40_000);
    assert_eq!(t.drain(), 10 + 1 + 8);
}
