//! RFC 6191: a SYN within the same tick of the peer's clock is newer if its sequence number is.

use crate::State;
use crate::script::*;

//= rfc6191#2 RFC6191-2-1
pub fn equal_timestamps_leave_it_to_the_sequence_number(bench: &mut dyn Bench) {
    let mut t = Trace::accepted(bench, Setup::modern(), Peer::modern());
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2, tsval 1000);
    expect!(t, ACK, seq 2, ack 2);
    t.inject(t.peer_syn(SYN).seq(0).tsval(1000));
    expect!(t, ACK, seq 2, ack 2);
    t.inject(t.peer_syn(SYN).seq(5000).tsval(1000));
    t.begin_anew();
    t.expect(None, t.syn_ack().ack(5001));
    assert_eq!(t.state(), State::SynRcvd);
}
