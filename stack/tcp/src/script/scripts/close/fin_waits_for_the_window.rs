//! A FIN takes a sequence number, and the peer's window must have it.

use crate::State;
use crate::script::*;

pub fn fin_waits_for_the_window(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(1000);
    t.close();
    expect!(t, ACK | PSH, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    expect!(t, at 200 ms, ACK, seq 1000, ack 1);
    inject!(t, ACK, seq 1, ack 1001, win 1);
    expect!(t, FIN | ACK, seq 1001, ack 1);
    inject!(t, ACK, seq 1, ack 1002, win 0);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::FinWait2);
}
