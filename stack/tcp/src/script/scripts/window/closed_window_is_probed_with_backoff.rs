//! RFC 9293 MUST-36, SHLD-29, SHLD-30. The probe carries no byte: see `poll_probe`.

use super::with_window;
use crate::script::*;

//= rfc9293#3.8.6.1 MUST-36 SHLD-29 SHLD-30
pub fn closed_window_is_probed_with_backoff(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    silence!(t);
    for at in [200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
    }
    counted!(
        t, rx_segments: 1, rx_predicted: 1, tx_segments: 6, tx_bytes: 1000, window_probes: 5, negative_advice: 1,
    );
}
