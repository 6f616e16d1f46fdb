//! Outside the window it does not even get an answer.

use super::established;
use crate::State;
use crate::script::*;

//= rfc5961#3.2 RFC5961-3.2-1
pub fn reset_outside_the_window_is_ignored(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 0);
    inject!(t, RST, seq 100_000);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 2, rx_drop_reset: 2);
}
