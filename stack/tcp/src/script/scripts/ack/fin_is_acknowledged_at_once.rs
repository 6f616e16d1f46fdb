//! The peer waits for it.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_is_acknowledged_at_once(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 12);
    assert_eq!(t.state(), State::CloseWait);
}
