//! A peer that lost the connection resets at the number that it is given.

use super::stalled;
use crate::Ended;
use crate::script::*;

pub fn reset_that_answers_a_held_back_ack_counts(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, RST, seq 501);
    silence!(t);
    inject!(t, RST, seq 1002);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, RST, seq 1);
    assert_eq!(t.ended(), Some(Ended::Reset));
}
