//! Our own FIN may be that answer. A full segment and a FIN are more than is left to wait.

use crate::script::*;
use crate::{Config, State};

pub fn fin_after_payload_waits_for_our_answer(bench: &mut dyn Bench) {
    let mut t = answering(bench);
    inject!(t, FIN | ACK, seq 11, ack 11, len 10);
    t.recv(10);
    assert_eq!(t.state(), State::CloseWait);
    expect!(t, at 40 ms, ACK, seq 11, ack 22);

    let mut t = answering(bench);
    inject!(t, FIN | ACK, seq 11, ack 11);
    t.close();
    expect!(t, FIN | ACK, seq 11, ack 12);

    let mut t = answering(bench);
    inject!(t, FIN | ACK, seq 11, ack 11);
    expect!(t, at 40 ms, ACK, seq 11, ack 12);

    let mut t = answering(bench);
    inject!(t, FIN | ACK, seq 11, ack 11, len 1000);
    expect!(t, ACK, seq 11, ack 1012);

    // Behind our own FIN nothing follows that it could go with.
    let mut t = answering(bench);
    t.close();
    expect!(t, FIN | ACK, seq 11, ack 11);
    inject!(t, FIN | ACK, seq 11, ack 12);
    expect!(t, ACK, seq 12, ack 12);
}

/// A connection that has answered ten bytes of its peer by ten.
fn answering(bench: &mut dyn Bench) -> Trace {
    let config = Config { quick_acks: 16, ..Config::default() };
    let mut t = Trace::accepted(bench, Setup { config, ..Setup::default() }, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10);
    t.recv(10);
    expect!(t, ACK, seq 1, ack 11);
    t.send(10);
    expect!(t, ACK, seq 1, ack 11, len 10);
    inject!(t, ACK, seq 11, ack 11);
    t
}
