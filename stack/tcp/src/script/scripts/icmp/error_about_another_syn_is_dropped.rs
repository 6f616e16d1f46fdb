//! RFC 5927 4.1: whoever did not see our SYN does not know its number.

use crate::script::*;
use crate::{IcmpError, State};

//= rfc5927#4.1 RFC5927-4.1-1
pub fn error_about_another_syn_is_dropped(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    t.icmp(1, IcmpError::PortUnreachable);
    t.icmp(u32::MAX, IcmpError::PortUnreachable);
    assert_eq!(t.state(), State::SynSent);
    silence!(t, until 500 ms);
}
