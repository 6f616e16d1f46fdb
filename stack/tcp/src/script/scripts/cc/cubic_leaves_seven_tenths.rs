//! RFC 9438 4.6: β is 0.7.

use super::window_after_a_loss;
use crate::CongestionControl;
use crate::script::*;

//= rfc9293#3.8.2 MAY-18
//= rfc9438#4.6 RFC9438-4.6-1
pub fn cubic_leaves_seven_tenths(bench: &mut dyn Bench) {
    assert_eq!(window_after_a_loss(bench, CongestionControl::Cubic, 10), 7);
    assert_eq!(window_after_a_loss(bench, CongestionControl::Cubic, 200), 140);
}
