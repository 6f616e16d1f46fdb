//! RFC 9293 3.10.5.

use super::in_every_state;
use crate::script::*;
use crate::{Ended, State};

pub fn abort_sends_a_reset_where_the_peer_needs_one(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if matches!(state, State::Closing | State::LastAck | State::TimeWait) {
            continue;
        }
        t.abort();
        assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Aborted)));
        let ours = match state {
            State::FinWait1 | State::FinWait2 => 2,
            _ => 1,
        };
        t.expect(None, Seg::new(RST | ACK).seq(ours).ack(seq).win(0));
        silence!(t, until 100_000 ms);
        counted!(t, tx_segments: 1, tx_resets: 1);
    }
}
