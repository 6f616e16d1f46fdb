//! RFC 5927 4.1: una ≤ seq < max, and nothing when nothing is outstanding.

use super::established;
use crate::IcmpError;
use crate::script::*;

//= rfc5927#4.1 RFC5927-4.1-1
pub fn error_about_what_is_not_outstanding_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.icmp(1, IcmpError::HostUnreachable);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(500);
    expect!(t, ACK, seq 1001, ack 1, len 500);
    t.icmp(1000, IcmpError::HostUnreachable);
    t.icmp(1501, IcmpError::HostUnreachable);
    assert_eq!(t.soft_error(), None);
    t.icmp(1001, IcmpError::TimeExceeded);
    assert_eq!(t.soft_error(), Some(IcmpError::TimeExceeded));
}
