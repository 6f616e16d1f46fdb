//! Segments that fit have not been dropped.

use super::established;
use crate::script::*;

pub fn what_fits_is_not_sent_again(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(300);
    expect!(t, ACK, seq 1, ack 1, len 300);
    t.send(1300);
    expect!(t, ACK, seq 301, ack 1, len 1000);
    expect!(t, ACK, seq 1301, ack 1, len 300);
    t.too_big(301, 600);
    expect!(t, ACK, seq 301, ack 1, len 600);
    expect!(t, ACK, seq 901, ack 1, len 400);
    silence!(t);
}
