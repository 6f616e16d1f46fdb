//! RFC 9293 3.5, Figure 9: the peer knows nothing of the SYN that is answered, and says so; the one that it means
//! comes behind.

use crate::script::*;
use crate::{Ended, State};

pub fn old_duplicate_syn_is_undone_by_a_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(t, passive_opens: 1, rx_segments: 1, rx_resets: 1, tx_segments: 1);
}
