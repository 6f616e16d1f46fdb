//! RFC 3168 6.1.1: what the peer does not agree to is not done.

use super::{CWR, ECE, setup};
use crate::EcnMode;
use crate::script::*;

//= rfc3168#6.1.1 RFC3168-6.1.1-1
pub fn without_agreement_nothing_is_marked(bench: &mut dyn Bench) {
    for bits in [Flags::NONE, ECE | CWR, CWR] {
        let mut t = Trace::new(bench, setup(EcnMode::On), Peer::default());
        t.connect();
        let offer = t.syn();
        t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer });
        t.inject(t.peer_syn(SYN | ACK | bits).ack(1));
        expect!(t, ACK, seq 1, ack 1);
        t.send(1000);
        expect!(t, ACK, seq 1, ack 1, len 1000);
        // A mark that nobody asked for, and an echo of nothing.
        t.inject(Seg::new(ACK | ECE).seq(1).ack(1001).len(1000).ecn(Ecn::Ce));
        t.send(20_000);
        assert_eq!(t.drain(), 10);
    }
}
