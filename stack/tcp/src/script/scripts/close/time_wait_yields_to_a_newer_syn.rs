//! RFC 6191.

use crate::State;
use crate::script::*;

//= rfc9293#3.6.1 MAY-2
//= rfc6191#2 RFC6191-2-1 RFC6191-2-2
pub fn time_wait_yields_to_a_newer_syn(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::default(), Peer::default());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    inject!(t, SYN, seq 100_000, mss 1000);
    t.begin_anew();
    expect!(t, SYN | ACK, seq 0, ack 100_001, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    // A newer timestamp does it too, where the sequence number is an older one.
    let mut t = Trace::accepted(bench, Setup::modern(), Peer::modern());
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1001);
    inject!(t, FIN | ACK, seq 1001, ack 2, tsval 1000);
    expect!(t, ACK, seq 2, ack 1002);
    t.inject(t.peer_syn(SYN).seq(500).tsval(1001));
    t.begin_anew();
    t.expect(None, t.syn_ack().ack(501));
    assert_eq!(t.state(), State::SynRcvd);
}
