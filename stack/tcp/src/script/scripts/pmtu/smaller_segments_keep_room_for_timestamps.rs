//! RFC 7323 3.2: options take their room in the smaller segments too.

use crate::script::*;

pub fn smaller_segments_keep_room_for_timestamps(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    t.send(988);
    expect!(t, ACK, seq 1, ack 1, len 988);
    t.too_big(1, 512);
    expect!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 501, ack 1, len 488);
}
