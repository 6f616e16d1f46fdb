//! A path that turns out narrower.

use super::established;
use crate::script::*;

pub fn smaller_mss_cuts_what_is_lost(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(2000);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 1000);
    expect!(t, at 0 ms, ACK, seq 1001, ack 1, len 1000);
    t.set_mss(400);
    for at in (0..2000).step_by(400) {
        t.expect(Some(0), Seg::new(ACK).seq(1 + at).ack(1).len(400));
    }
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 400);
    silence!(t);
    inject!(t, ACK, seq 1, ack 401);
    expect!(t, ACK, seq 401, ack 1, len 400);
    expect!(t, ACK, seq 801, ack 1, len 400);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1201);
    expect!(t, ACK, seq 1201, ack 1, len 400);
    expect!(t, ACK | PSH, seq 1601, ack 1, len 400);
    silence!(t);
}
