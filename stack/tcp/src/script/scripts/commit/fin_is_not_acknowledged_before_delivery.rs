//! The end of the stream is delivered too.

use super::stalled;
use crate::State;
use crate::script::*;

pub fn fin_is_not_acknowledged_before_delivery(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    assert_eq!(t.state(), State::CloseWait);
    silence!(t, until 1000 ms);
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    assert!(t.stall(false));
    expect!(t, ACK, seq 1, ack 12);
}
