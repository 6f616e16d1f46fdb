//! It must carry the ACK of the peer's, see `may_send_fin`. Payload need not wait.

use super::stalled;
use crate::State;
use crate::script::*;

pub fn fin_of_the_second_to_close_waits_for_delivery(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, FIN | ACK, seq 1, ack 1);
    t.send(10);
    t.close();
    assert_eq!(t.state(), State::LastAck);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 2, ack 11);
    silence!(t, until 10_000 ms);
    assert!(t.stall(false));
    expect!(t, FIN | ACK, seq 11, ack 2);
    silence!(t);
}
