//! Half seconds are not counted, but for ever nothing is held: as long as all retransmissions would take (here 0.2,
//! 0.4, 0.8 and 1.6 s), and then until the next try.

use super::blocked;
use crate::script::*;
use crate::{Ended, GaveUp, State};

pub fn gives_up_when_retransmissions_would_have(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.config.retransmits_max = 3;
    let t = Trace::established(bench, setup.clone(), Peer::default());
    let Some(mut t) = blocked(t) else { return };
    t.send(1000);
    silence!(t, until 3199 ms);
    assert_eq!(t.state(), State::Established, "new payload");
    silence!(t, until 3200 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));

    let mut t = Trace::established(bench, setup, Peer::default());
    t.send(1000);
    expect!(t, PSH | ACK, seq 1, ack 1, len 1000);
    let Some(mut t) = blocked(t) else { return };
    silence!(t, until 3199 ms);
    assert_eq!(t.state(), State::Established, "a retransmission, refused after 200 ms");
    silence!(t, until 3200 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
    counted!(t, tx_segments: 1, tx_bytes: 1000, timeouts: 1, timed_out: 1);
}
