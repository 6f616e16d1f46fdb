//! RFC 3168 6.1.1.1: what drops a SYN with ECN's bits may let one without them pass.

use super::{CWR, ECE, setup};
use crate::EcnMode;
use crate::script::*;

//= rfc3168#6.1.1.1 RFC3168-6.1.1.1-1
pub fn a_syn_that_is_lost_is_sent_again_without(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, setup(EcnMode::On), Peer::default());
    t.connect();
    let offer = t.syn();
    t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer });
    t.expect(Some(1000), t.syn());
    // The answer is to the first, but the second is on its way: payload must not be marked, and what the
    // peer marks is echoed.
    t.inject(t.peer_syn(SYN | ACK | ECE).ack(1));
    expect!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.inject(Seg::new(ACK).seq(1).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 1001);
}
