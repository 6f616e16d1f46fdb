//! A handshake that cannot be finished makes room.

use crate::script::*;
use crate::{Ended, IcmpError};

pub fn error_in_syn_rcvd_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.icmp(0, IcmpError::HostUnreachable);
    silence!(t, until 10_000 ms);
    assert_eq!(t.ended(), Some(Ended::Unreachable(IcmpError::HostUnreachable)));
}
