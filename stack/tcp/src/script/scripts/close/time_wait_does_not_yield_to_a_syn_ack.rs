//! Only a bare SYN opens anew.

use crate::State;
use crate::script::*;

//= rfc9293#3.6.1 MAY-2
pub fn time_wait_does_not_yield_to_a_syn_ack(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN | ACK, seq 100_000, ack 2, mss 1000);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
}
