//! RFC 9293 3.8.6.2.1: a little window is not used at once, or segments would stay little; but a window too small for a segment worth its header is not waited with for ever.

use super::with_window;
use crate::script::*;

//= rfc9293#3.8.6.2.1 MUST-38
//= rfc9293#3.9.1.2 MUST-60
pub fn small_window_is_used_after_a_while(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 100);
    t.send(1000);
    silence!(t, until 195 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 1101, win 0);
    // That was no probe: the first one follows as if nothing had happened.
    expect!(t, at 400 ms, ACK, seq 1100, ack 1);
    counted!(
        t, rx_segments: 2, rx_predicted: 2, tx_segments: 3, tx_bytes: 1100, window_probes: 1,
    );
}
