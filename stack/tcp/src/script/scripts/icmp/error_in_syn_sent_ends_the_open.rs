//! RFC 5461 4.1, and what Linux does.

use crate::script::*;
use crate::{Ended, IcmpError};

//= rfc9293#3.9.2.2 MUST-56
pub fn error_in_syn_sent_ends_the_open(bench: &mut dyn Bench) {
    for error in [IcmpError::HostUnreachable, IcmpError::PortUnreachable, IcmpError::TimeExceeded] {
        let mut t = Trace::new(bench, Setup::default(), Peer::default());
        t.connect();
        expect!(t, SYN, seq 0, mss 1000);
        t.icmp(0, error);
        silence!(t, until 10_000 ms);
        assert_eq!(t.ended(), Some(Ended::Unreachable(error)));
        counted!(t, active_opens: 1, tx_segments: 1, icmp_errors: 1);
    }
}
