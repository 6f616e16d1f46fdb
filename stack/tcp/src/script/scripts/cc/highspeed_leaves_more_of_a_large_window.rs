//! RFC 3649 5: as Reno up to 38 segments, from 118 on b(w) is 0.44.

use super::window_after_a_loss;
use crate::CongestionControl;
use crate::script::*;

pub fn highspeed_leaves_more_of_a_large_window(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::HighSpeed, 10), 5);
    assert_eq!(window_after_a_loss(bench, CongestionControl::HighSpeed, 200), 112);
}
