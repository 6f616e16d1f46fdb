//! A peer that never completes the handshake is forgotten.

use crate::script::*;
use crate::{Ended, GaveUp};

pub fn syn_ack_is_retransmitted_and_gives_up(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    for at in [0, 1, 3, 7, 15, 31] {
        t.expect(Some(at * 1000), t.syn_ack());
    }
    silence!(t, until 62_900 ms);
    silence!(t, until 63_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
    counted!(t, passive_opens: 1, tx_segments: 6, retransmits: 5, timeouts: 5, negative_advice: 1, timed_out: 1);
}
