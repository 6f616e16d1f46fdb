//! RFC 6691: MSS counts them.

use super::established;
use crate::script::*;

//= rfc9293#3.7.1 MUST-16
pub fn timestamps_take_room_in_segments(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 988);
}
