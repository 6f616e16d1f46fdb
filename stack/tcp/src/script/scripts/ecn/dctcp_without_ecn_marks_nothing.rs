//! Without the peer's agreement it is Reno.

use super::{CWR, ECE};
use crate::CongestionControl;
use crate::script::*;

pub fn dctcp_without_ecn_marks_nothing(bench: &mut dyn Bench) {
    let setup = Setup { congestion: CongestionControl::Dctcp, ..Setup::default() };
    let mut t = Trace::new(bench, setup, Peer::default());
    t.connect();
    let offer = t.syn();
    t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer }.ecn(Ecn::Ect0));
    t.inject(t.peer_syn(SYN | ACK).ack(1));
    expect!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
}
