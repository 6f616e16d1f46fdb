//! RFC 5927 5.2, RFC 9293 MUST-56: neither soft nor hard errors end a connection.

use super::established;
use crate::script::*;
use crate::{IcmpError, State};

//= rfc9293#3.9.2.2 MUST-56
//= rfc5927#5.2 RFC5927-5.2-1
pub fn error_does_not_end_an_open_connection(bench: &mut dyn Bench) {
    let soft = [
        IcmpError::NetUnreachable,
        IcmpError::HostUnreachable,
        IcmpError::SourceRouteFailed,
        IcmpError::TimeExceeded,
        IcmpError::ParameterProblem,
    ];
    let hard = [IcmpError::ProtocolUnreachable, IcmpError::PortUnreachable];
    for error in soft.into_iter().chain(hard) {
        let mut t = established(bench);
        t.send(100);
        expect!(t, ACK, seq 1, ack 1, len 100);
        t.icmp(1, error);
        assert_eq!((t.state(), t.soft_error()), (State::Established, Some(error)));
        inject!(t, ACK, seq 1, ack 101);
        silence!(t, until 1000 ms);
        assert_eq!(t.soft_error(), None, "something came back, so the path works");
    }
}
