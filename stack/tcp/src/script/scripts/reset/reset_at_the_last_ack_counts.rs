//! A peer that lost the connection answers our ACK with a reset at its number, though more has come since.

use super::established;
use crate::Ended;
use crate::script::*;

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-2
pub fn reset_at_the_last_ack_counts(bench: &mut dyn Bench) {
    for at in [1, 101] {
        let mut t = established(bench);
        inject!(t, ACK, seq 1, ack 1, len 100);
        silence!(t);
        inject!(t, RST, seq at);
        assert_eq!(t.ended(), Some(Ended::Reset));
    }
}
