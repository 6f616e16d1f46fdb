//! FIN costs no segment of its own when it comes in time.

use super::established;
use crate::State;
use crate::script::*;

pub fn fin_rides_on_the_last_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1500);
    t.close();
    expect!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, FIN | ACK | PSH, seq 1001, ack 1, len 500);
    inject!(t, ACK, seq 1, ack 1501);
    silence!(t);
    assert_eq!(t.state(), State::FinWait1);
    inject!(t, ACK, seq 1, ack 1502);
    assert_eq!(t.state(), State::FinWait2);
}
