//! RFC 9293 3.8.6.2.1: 0.1 to 1 s, however patient the retransmission timer has become.

use super::with_window;
use crate::script::*;

pub fn small_window_is_used_after_a_second_at_most(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    t.send(2000);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    // The next probe would be at 6200 ms.
    inject!(t, ACK, seq 1, ack 1001, win 300);
    silence!(t, until 3995 ms);
    expect!(t, at 4000 ms, ACK, seq 1001, ack 1, len 300);
}
