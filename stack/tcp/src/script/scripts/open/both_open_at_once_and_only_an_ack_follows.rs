//! The peer's SYN,ACK was lost, but not the ACK that answers ours.

use crate::State;
use crate::script::*;

pub fn both_open_at_once_and_only_an_ack_follows(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.connect();
    t.expect(None, t.syn());
    t.inject(t.peer_syn(SYN));
    t.expect(None, t.syn_ack());
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
}
