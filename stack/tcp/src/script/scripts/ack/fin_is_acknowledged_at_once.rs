//! The peer waits for it: the ACK that payload before it was to get later goes with it.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 10);
    silence!(t);
    inject!(t, FIN | ACK, seq 11, ack 1);
    expect!(t, ACK, seq 1, ack 12);
    assert_eq!(t.state(), State::CloseWait);
    silence!(t, until 1000 ms);
}
