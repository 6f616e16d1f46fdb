//! RFC 9293 MUST-38: a little window is not used until it has been little for long.

use super::with_window;
use crate::script::*;

//= rfc9293#3.8.6.2.1 MUST-38
pub fn sender_avoids_silly_windows(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 100);
    silence!(t, until 190 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 100);
    silence!(t, until 300 ms);
    counted!(
        t, rx_segments: 1, rx_predicted: 1, tx_segments: 2, tx_bytes: 1100,
    );
}
