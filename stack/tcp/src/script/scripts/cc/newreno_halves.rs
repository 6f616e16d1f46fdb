//! RFC 5681 3.1: half of what was in flight.

use super::window_after_a_loss;
use crate::CongestionControl;
use crate::script::*;

pub fn newreno_halves(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::NewReno, 10), 5);
    assert_eq!(window_after_a_loss(bench, CongestionControl::Reno, 200), 100);
}
