//! RFC 9293 3.8.6.2.1 (3).

use super::with_window;
use crate::script::*;

//= rfc9293#3.8.6.2.1 MUST-38
pub fn half_the_largest_window_is_worth_sending(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 499);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, win 500);
    expect!(t, ACK, seq 1001, ack 1, len 500);
}
