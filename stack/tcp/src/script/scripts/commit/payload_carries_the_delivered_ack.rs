//! Part of it is acknowledged, the rest stays owed.

use super::stalled;
use crate::script::*;

pub fn payload_carries_the_delivered_ack(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 101, ack 11);
    silence!(t, until 1000 ms);
    assert!(t.stall(false));
    expect!(t, at 1000 ms, ACK, seq 11, ack 101);
}
