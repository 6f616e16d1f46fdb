//! RFC 3168 6.1.1.

use super::{CWR, ECE, answered, setup};
use crate::EcnMode;
use crate::script::*;

//= rfc3168#6.1.1 RFC3168-6.1.1-1 RFC3168-6.1.1-2
pub fn a_syn_that_asks_is_answered(bench: &mut dyn Bench) {
    let peer = Trace::new(bench, setup(EcnMode::Off), Peer::default());
    let asks = peer.peer_syn(SYN | ECE | CWR);
    answered(bench, EcnMode::OnRequest, asks.clone(), ECE);
    answered(bench, EcnMode::On, asks.clone(), ECE);
    answered(bench, EcnMode::Off, asks.clone(), Flags::NONE);
    // Half of the question is none.
    answered(bench, EcnMode::On, peer.peer_syn(SYN | ECE), Flags::NONE);
    answered(bench, EcnMode::On, peer.peer_syn(SYN | CWR), Flags::NONE);
    // No SYN is marked, unless something on the way marks everything.
    answered(bench, EcnMode::On, asks.ecn(Ecn::Ce), Flags::NONE);
}
