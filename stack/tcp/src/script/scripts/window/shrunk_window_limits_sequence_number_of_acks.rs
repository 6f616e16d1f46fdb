//! A peer ignores the ACK in a segment beyond its window.

use super::with_window;
use crate::script::*;

//= rfc9293#3.8.6 MUST-34
pub fn shrunk_window_limits_sequence_number_of_acks(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1001, win 1500, len 10);
    expect!(t, at 40 ms, ACK, seq 2501, ack 11);
}
