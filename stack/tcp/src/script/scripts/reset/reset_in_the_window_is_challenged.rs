//! RFC 5961 3: in the window, but not exact.

use super::in_every_state;
use crate::State;
use crate::script::*;

//= rfc5961#3.2 RFC5961-3.2-3 RFC5961-3.2-4
pub fn reset_in_the_window_is_challenged(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if state == State::TimeWait {
            continue;
        }
        t.inject(Seg::new(RST).seq(seq + 1));
        let ours = match state {
            State::SynRcvd | State::Established | State::CloseWait => 1,
            _ => 2,
        };
        t.expect(None, Seg::new(ACK).seq(ours).ack(seq));
        silence!(t);
        assert_eq!(t.state(), state);
        counted!(
            t, rx_segments: 1, rx_drop_reset: 1, challenge_acks: 1, tx_segments: 1, tx_acks: 1,
        );
    }
}
