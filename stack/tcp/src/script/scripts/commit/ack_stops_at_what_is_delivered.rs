//! Neither the second segment nor the timer makes an ACK, as long as it would say nothing.

use super::stalled;
use crate::script::*;

pub fn ack_stops_at_what_is_delivered(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 10_000 ms);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    t.recv_nothing();
}
