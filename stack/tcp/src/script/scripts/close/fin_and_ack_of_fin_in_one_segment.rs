//! FIN-WAIT-1 straight to TIME-WAIT.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_and_ack_of_fin_in_one_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
}
