//! RFC 6691: the segment stays within the MSS.

use super::with_sack;
use crate::script::*;

//= rfc9293#3.7.1 MUST-16
pub fn sack_blocks_make_room_in_payload(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    t.drain();
    t.send(2000);
    expect!(t, ACK, seq 1, ack 1, len 988, sack [(1001, 2001)]);
    expect!(t, ACK, seq 989, ack 1, len 988, sack [(1001, 2001)]);
}
