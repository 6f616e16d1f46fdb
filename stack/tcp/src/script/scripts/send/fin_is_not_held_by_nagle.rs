//! Nothing will come that could fill the segment up.

use super::established;
use crate::script::*;

pub fn fin_is_not_held_by_nagle(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(100);
    silence!(t);
    t.close();
    expect!(t, FIN | ACK | PSH, seq 101, ack 1, len 100);
}
