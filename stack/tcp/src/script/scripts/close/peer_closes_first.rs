//! The same from the other side.

use super::established;
use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.6 MUST-12
pub fn peer_closes_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::CloseWait);
    assert!(t.is_at_end());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::LastAck);
    inject!(t, ACK, seq 2, ack 2);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Finished));
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}
