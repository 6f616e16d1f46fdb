//! What it acknowledges has to have been sent.

use super::established;
use crate::script::*;

pub fn ack_of_a_duplicate_is_checked(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(1000);
    assert_eq!(t.drain(), 1);
    inject!(t, ACK, seq 1, ack 5000, len 1000);
    expect!(t, ACK, seq 1001, ack 1001);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1001, ack 1001);
    silence!(t, until 1000 ms);
}
