//! The gap is made known even when nothing but a FIN came beyond it.

use super::established;
use crate::State;
use crate::script::*;

pub fn bare_fin_out_of_order_is_answered(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1001, ack 1);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 1000 ms);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1002);
    assert_eq!(t.state(), State::CloseWait);
}
