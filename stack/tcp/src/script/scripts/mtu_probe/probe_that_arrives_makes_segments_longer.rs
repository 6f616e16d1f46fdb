//! RFC 4821 7.4: a longer segment of bytes that are sent anyway, with enough behind it to find its loss by.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.3 RFC4821-7.3-1
pub fn probe_that_arrives_makes_segments_longer(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 750);
    for at in [751, 1251, 1751, 2251] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    expect!(t, ACK, seq 2751, ack 1, len 250);
    inject!(t, ACK, seq 1, ack 3001);
    t.send(5000);
    expect!(t, ACK, seq 3001, ack 1, len 875);
    expect!(t, ACK, seq 3876, ack 1, len 750);
    t.drain();
    inject!(t, ACK, seq 1, ack 8001);
    t.send(900);
    expect!(t, ACK, seq 8001, ack 1, len 875);
    expect!(t, ACK, seq 8876, ack 1, len 25);
}
