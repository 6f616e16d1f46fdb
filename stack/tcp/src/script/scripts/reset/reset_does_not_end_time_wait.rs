//! RFC 1337 3: or old duplicates could get at the next connection of the same addresses.

use super::established;
use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-1
pub fn reset_does_not_end_time_wait(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    t.restart_counters();
    inject!(t, RST, seq 2);
    inject!(t, RST, seq 3);
    silence!(t, until 59_000 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 61_000 ms);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    counted!(t, rx_segments: 2, rx_drop_reset: 2);
}
