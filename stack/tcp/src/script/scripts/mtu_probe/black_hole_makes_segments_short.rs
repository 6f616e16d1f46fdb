//! Three timeouts in a row: shorter segments, which arrive.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.7 RFC4821-7.7-1
pub fn black_hole_makes_segments_short(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::BlackHole);
    t.send(1000);
    for at in [0, 200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    expect!(t, at 1400 ms, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 501);
    expect!(t, ACK, seq 501, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(1200);
    expect!(t, ACK, seq 1001, ack 1, len 500);
    expect!(t, ACK, seq 1501, ack 1, len 500);
    expect!(t, ACK, seq 2001, ack 1, len 200);
}
