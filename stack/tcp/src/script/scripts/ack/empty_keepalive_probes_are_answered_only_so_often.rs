//! Or two confused stacks could answer each other for ever.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-5
pub fn empty_keepalive_probes_are_answered_only_so_often(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for _ in 0..50 {
        inject!(t, ACK, seq 0, ack 1);
    }
    assert_eq!(t.drain(), 10);
    counted!(
        t, rx_segments: 50, rx_drop_window: 50, challenge_acks_limited: 40, tx_segments: 10,
        tx_acks: 10,
    );
}
