//! RFC 9293 MUST-28: two hours; then nine probes, and a reset for a peer that was only away.

use super::with_keepalive;
use crate::script::*;
use crate::{Ended, GaveUp, State};

//= rfc9293#3.8.4 MAY-5 MUST-28 SHLD-12
pub fn keepalive_gives_up(bench: &mut dyn Bench) {
    let mut t = with_keepalive(bench);
    silence!(t, until 7_199_900 ms);
    for probe in 0..9 {
        t.expect(Some(7_200_000 + probe * 75_000), Seg::new(ACK).seq(0).ack(1));
    }
    assert_eq!(t.state(), State::Established);
    expect!(t, at 7_875_000 ms, RST | ACK, seq 1, ack 1);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Keepalive)));
    counted!(t, tx_segments: 10, keepalive_probes: 9, timed_out: 1, tx_resets: 1);
}
