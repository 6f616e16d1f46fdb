//! PSH goes with the last byte posted.

use crate::script::*;

//= rfc9293#3.9.1.2 MUST-61 SHLD-28
pub fn payload_is_cut_into_segments_and_pushed_at_its_end(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::nodelay(), Peer::default());
    t.send(2500);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK | PSH, seq 2001, ack 1, len 500);
    silence!(t);
    counted!(t, tx_segments: 3, tx_bytes: 2500);
}
