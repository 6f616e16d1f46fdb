//! From when the bytes were sent, to the millisecond: not when the next retransmission would be.

use super::{BY_USER, with_patience};
use crate::State;
use crate::script::*;

//= rfc9293#3.8.3 MUST-21
//= rfc5482#3.1 RFC5482-3.1-1
pub fn unacknowledged_payload_times_out(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 2);
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
    }
    silence!(t, until 1999 ms);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, tx_segments: 4, tx_bytes: 100, retransmits: 3, retransmitted_bytes: 300, timeouts: 3,
        negative_advice: 1,
    );
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, BY_USER));
}
