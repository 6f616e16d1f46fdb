//! RFC 9293 3.7.4.

use super::established;
use crate::script::*;

//= rfc9293#3.7.4 SHLD-7
//= rfc9293#3.9.1.2 MAY-16 SHLD-27
pub fn nagle_holds_a_small_segment(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK | PSH, seq 1, ack 1, len 100);
    t.send(100);
    t.send(100);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 101);
    expect!(t, ACK | PSH, seq 101, ack 1, len 200);
}
