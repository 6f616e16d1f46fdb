//! RFC 1191 6.4: what was too long is sent again at once, in pieces that fit, and that is no congestion.

use super::established;
use crate::script::*;

//= rfc1191#6.4 RFC1191-6.4-1 RFC1191-6.4-2
pub fn too_long_segments_are_sent_again_in_pieces(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    t.too_big(1, 600);
    for at in (0..10_000).step_by(600) {
        let len = 600.min(10_000 - at);
        t.expect(None, Seg::new(ACK).seq(1 + at).ack(1).len(len));
    }
    silence!(t);
    counted!(
        t, tx_segments: 27, tx_bytes: 10_000, retransmits: 17, retransmitted_bytes: 10_000,
        path_mss_lowered: 1,
    );
}
