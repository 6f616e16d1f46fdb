//! Duplicates that had not been sent would now repeat the new number, and look like another loss.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 MUST-59
pub fn filled_gap_in_a_burst_repeats_nothing(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [1001, 2001, 3001, 1] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(1000));
    }
    expect!(t, ACK, seq 1, ack 4001);
    silence!(t, until 1000 ms);
}
