//! RFC 9293 3.5.3: what a reset carries may say why. It is not for the reader.

use super::established;
use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.5.3 SHLD-2
pub fn reset_may_carry_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST | ACK, seq 1, ack 1, len 20);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    t.recv_nothing();
    counted!(t, rx_segments: 1, rx_resets: 1);
}
