//! Segments that were taken together are acknowledged together.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 MUST-58 MUST-59
pub fn a_burst_costs_one_ack(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in 0..5 {
        t.inject(Seg::new(ACK).seq(1 + at * 1000).ack(1).len(1000));
    }
    expect!(t, ACK, seq 1, ack 5001);
    silence!(t, until 1000 ms);
}
