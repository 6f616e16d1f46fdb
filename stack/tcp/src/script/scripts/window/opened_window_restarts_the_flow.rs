//! And the probes' backoff is no business of the payload's.

use super::with_window;
use crate::script::*;

pub fn opened_window_restarts_the_flow(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(2000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    expect!(t, at 200 ms, ACK, seq 1000, ack 1);
    expect!(t, at 600 ms, ACK, seq 1000, ack 1);
    inject!(t, ACK, seq 1, ack 1001, win 1000);
    expect!(t, at 600 ms, ACK, seq 1001, ack 1, len 1000);
    expect!(t, at 800 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    silence!(t, until 100_000 ms);
}
