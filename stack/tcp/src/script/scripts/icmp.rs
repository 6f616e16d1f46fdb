//! ICMP errors: RFC 9293 3.9.2.2, RFC 5927, RFC 5461.

use crate::script::*;
use crate::{Config, Ended, GaveUp, IcmpError, State};

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// RFC 5461 4.1, and what Linux does.
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

/// RFC 5927 4.1: whoever did not see our SYN does not know its number.
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

/// RFC 5927 5.2, RFC 9293 MUST-56: neither soft nor hard errors end a connection.
//= rfc9293#3.9.2.2 MUST-56
//= rfc5927#5.2 RFC5927-5.2-1
pub fn error_does_not_end_an_open_connection(bench: &mut dyn Bench) {
    for error in
        [IcmpError::NetUnreachable, IcmpError::ProtocolUnreachable, IcmpError::PortUnreachable]
    {
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

/// RFC 9293 SHLD-25: it is the reason that the application is given when nothing helps.
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

/// RFC 5927 4.1: una ≤ seq < max, and nothing when nothing is outstanding.
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

/// A handshake that cannot be finished makes room.
pub fn error_in_syn_rcvd_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.icmp(0, IcmpError::HostUnreachable);
    silence!(t, until 10_000 ms);
    assert_eq!(t.ended(), Some(Ended::Unreachable(IcmpError::HostUnreachable)));
}
