//! A reset at exactly the next sequence number ends the connection, and nothing answers it. It is also what a peer that has
//! crashed says of whatever it is sent (RFC 9293 3.5.1, Figure 11).

use super::in_every_state;
use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.6 MUST-12
//= rfc5961#3.2 RFC5961-3.2-2
pub fn exact_reset_ends_in_every_state(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if state == State::TimeWait {
            continue;
        }
        t.inject(Seg::new(RST).seq(seq));
        silence!(t, until 100_000 ms);
        let ended = (State::Closed, Some(Ended::Reset));
        assert_eq!((t.state(), t.ended()), ended, "in {state:?}");
        counted!(t, rx_segments: 1, rx_resets: 1);
    }
}
