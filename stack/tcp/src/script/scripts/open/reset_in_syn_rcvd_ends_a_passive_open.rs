//! RFC 9293 3.5, Figure 9: the SYN was an old duplicate, whose sender says so. The listener goes on as if nothing had
//! been.

use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.5 MUST-11
pub fn reset_in_syn_rcvd_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, RST, seq 1);
    silence!(t, until 5000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(t, passive_opens: 1, rx_segments: 1, rx_resets: 1, tx_segments: 1);
}
