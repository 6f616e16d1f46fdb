//! What is under way is brought home, which is what draining means.

use super::{ON, established};
use crate::script::*;
use crate::{State, Switches};

pub fn quiesce_does_not_stop_retransmission(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, at 0 ms, ACK, seq 1, ack 1, len 1000);
    t.set_switches(Switches { tx_quiesce: true, ..ON });
    t.send(1000);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t, until 100_000 ms);
    assert_eq!(t.state(), State::Established);
}
