//! RFC 9293 figure 12.

use super::established;
use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.6.1 MUST-13
pub fn we_close_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::FinWait1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::FinWait2);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 59_900 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 60_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    counted!(t, rx_segments: 2, tx_segments: 2, tx_acks: 1);
}
