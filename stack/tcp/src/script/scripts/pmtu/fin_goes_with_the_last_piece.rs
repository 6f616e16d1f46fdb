//! A FIN that went with what was too long goes with the last piece.

use super::established;
use crate::script::*;

pub fn fin_goes_with_the_last_piece(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.send(900);
    t.close();
    t.drain();
    t.too_big(1, 600);
    expect!(t, ACK, seq 1, ack 1, len 600);
    expect!(t, ACK, seq 601, ack 1, len 600);
    expect!(t, ACK, seq 1201, ack 1, len 600);
    expect!(t, FIN | ACK, seq 1801, ack 1, len 100);
    silence!(t);
}
