//! The peer did not get our SYN,ACK and sends its SYN again.

use crate::State;
use crate::script::*;

//= rfc1122#4.2.2.20 RFC1122-4.2.2.20-1
pub fn repeated_syn_is_answered_by_the_same_syn_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.listen();
    t.inject(t.peer_syn(SYN));
    t.expect(None, t.syn_ack());
    silence!(t, until 500 ms);
    t.inject(t.peer_syn(SYN));
    // RFC 7323 4.3: it echoes the SYN that it answers.
    t.expect(None, t.syn_ack().tsecr(500));
    t.counters_of(|counted| assert_eq!(counted.rx_duplicates, 1));
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
}
