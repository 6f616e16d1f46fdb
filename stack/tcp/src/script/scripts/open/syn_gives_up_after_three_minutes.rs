//! RFC 9293 MUST-23: three minutes at least.

use crate::script::*;
use crate::{Ended, GaveUp, State};

//= rfc9293#3.8.3 MUST-22 MUST-23
pub fn syn_gives_up_after_three_minutes(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    for at in [0, 1, 3, 7, 15, 31, 63, 123] {
        t.expect(Some(at * 1000), t.syn());
    }
    silence!(t, until 182_900 ms);
    assert_eq!(t.state(), State::SynSent);
    silence!(t, until 183_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
    counted!(t, active_opens: 1, tx_segments: 8, retransmits: 7, timeouts: 7, negative_advice: 1, timed_out: 1);
}
