//! The peer must learn of the gap, though the number it gets is behind.

use super::stalled;
use crate::script::*;

pub fn gap_is_answered_with_what_is_delivered(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    assert!(t.stall(false));
    silence!(t, until 35 ms);
    expect!(t, at 40 ms, ACK, seq 1, ack 1001);
}
