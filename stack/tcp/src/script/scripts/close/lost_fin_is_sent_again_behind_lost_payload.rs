//! Payload and FIN that were sent apart go out again together.

use super::established;
use crate::State;
use crate::script::*;

pub fn lost_fin_is_sent_again_behind_lost_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(400);
    expect!(t, ACK | PSH, seq 1, ack 1, len 400);
    t.close();
    expect!(t, FIN | ACK, seq 401, ack 1);
    expect!(t, at 200 ms, FIN | ACK | PSH, seq 1, ack 1, len 400);
    inject!(t, ACK, seq 1, ack 402);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::FinWait2);
}
