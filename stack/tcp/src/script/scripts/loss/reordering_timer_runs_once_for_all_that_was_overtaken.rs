//! RFC 8985 6.2 step 5: the timer is set for the last of those that were overtaken, and finds all of them. If that
//! does not repair them, the retransmission timer does.

use super::with_sack;
use crate::script::*;

//= rfc8985#6.2 RFC8985-6.2-8
//= rfc8985#8 RFC8985-8-1
pub fn reordering_timer_runs_once_for_all_that_was_overtaken(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    // Three segments, 10 ms apart.
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 110 ms);
    t.send(1000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 120 ms);
    t.send(1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t, until 220 ms);
    // 100 ms and 25 ms after they were sent, at 225 and at 235 ms, the first two are lost; the slack of timers is 2 ms.
    inject!(t, ACK, seq 1, ack 1, sack [(2001, 3001)]);
    silence!(t, until 236 ms);
    expect!(t, at 237 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    // That is lost as well: nothing but the retransmission timer is left, counted from what was sent last.
    silence!(t, until 536 ms);
    expect!(t, at 537 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 3001);
    silence!(t, until 5000 ms);
    counted!(
        t, rx_segments: 3, rx_dup_acks: 1, reorder_timeouts: 1, fast_recoveries: 1, timeouts: 1,
        retransmits: 3, retransmitted_bytes: 3000, tx_segments: 6, tx_bytes: 3000,
    );
}
