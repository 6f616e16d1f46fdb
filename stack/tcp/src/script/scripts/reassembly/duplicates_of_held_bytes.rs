//! They are answered, but not kept twice.

use super::established;
use crate::script::*;

pub fn duplicates_of_held_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 101, ack 1, len 200);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 151, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 251, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 351);
    t.recv(350);
    counted!(
        t, rx_segments: 4, rx_held: 2, rx_duplicates: 1, rx_bytes: 350, tx_segments: 4, tx_acks: 4,
    );
}
