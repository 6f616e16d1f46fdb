//! RFC 9768 3.1.2: the offer contains RFC 3168's, and AE is neither echoed nor set.

use super::{AE, CWR, ECE, answered, setup};
use crate::EcnMode;
use crate::script::*;

pub fn accurate_ecn_falls_back(bench: &mut dyn Bench) {
    let peer = Trace::new(bench, setup(EcnMode::Off), Peer::default());
    let offer = peer.peer_syn(SYN | ECE | CWR | AE);
    answered(bench, EcnMode::OnRequest, offer.clone(), ECE);
    answered(bench, EcnMode::OnRequest, offer.ecn(Ecn::Ect0), ECE);
}
