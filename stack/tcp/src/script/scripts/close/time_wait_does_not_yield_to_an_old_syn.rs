//! An old SYN of the same connection gets the ACK that any old segment gets.

use crate::State;
use crate::script::*;

//= rfc9293#3.6.1 SHLD-4
//= rfc6191#2 RFC6191-2-3
pub fn time_wait_does_not_yield_to_an_old_syn(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    t.restart_counters();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, ACK, seq 2, ack 2);
    // Whether again so soon is up to whoever keeps TIME-WAIT, but it is counted.
    inject!(t, SYN, seq 0, mss 1000);
    t.drain();
    t.counters_of(|counters| assert_eq!(counters.rx_segments, 2));
    assert_eq!(t.state(), State::TimeWait);
    // RFC 6191 2: a timestamp tells before the sequence number does.
    let mut t = Trace::accepted(bench, Setup::modern(), Peer::modern());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2, tsval 1000);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN, seq 5000, mss 1000, tsval 999);
    expect!(t, ACK, seq 2, ack 2);
    assert_eq!(t.state(), State::TimeWait);
}
