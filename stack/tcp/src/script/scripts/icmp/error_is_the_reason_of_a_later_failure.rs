//! RFC 9293 SHLD-25: it is the reason that the application is given when nothing helps.

use crate::script::*;
use crate::{Config, Ended, GaveUp, IcmpError};

//= rfc9293#3.9.1.8 MUST-47
//= rfc9293#3.9.2.2 SHLD-25
pub fn error_is_the_reason_of_a_later_failure(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.icmp(1, IcmpError::HostUnreachable);
    t.skip_until(1500);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
    assert_eq!(t.soft_error(), Some(IcmpError::HostUnreachable));
}
