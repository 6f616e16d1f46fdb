//! RFC 9293 3.10.7.4, eighth: acknowledged again, and the time starts over.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_again_in_time_wait(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    silence!(t, until 30_000 ms);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    // Another FIN is not the peer's.
    silence!(t, until 60_000 ms);
    inject!(t, FIN | ACK, seq 100_000, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    silence!(t, until 89_000 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 91_000 ms);
    assert_eq!(t.state(), State::Closed);
}
