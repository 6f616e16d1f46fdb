//! What the application, or whoever sets up the host, asks of the IP header.

use std::net::{Ipv4Addr, SocketAddrV4};

use mafo_mem::Nanos;
use mafo_stack::{Dscp, EcnMode, Options, SocketId};
use mafo_tcp::{Ecn, Flags, Segment};

use crate::rig::{HOST, Sent, US, Wire, ack_of, syn};

const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 7);
/// Expedited forwarding (RFC 3246), and a class of assured forwarding, AF21 (RFC 2597).
const EF: u8 = 0xb8;
const AF21: u8 = 0x48;

fn with(tos: u8) -> Options {
    Options { dscp: Dscp::of_tos(tos), ..HOST }
}

fn tos(sent: &Sent) -> u8 {
    sent.packet[1]
}

fn set(wire: &mut Wire, id: SocketId, options: Options) {
    let now = wire.now;
    wire.core().set_options(now, id, options);
}

//= rfc9293#3.9.1.9 MUST-48 SHLD-21 SHLD-22
#[test]
fn every_segment_has_the_code_point_that_the_application_chose_last() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    let id = wire.core().connect(now, PEER.into(), None, with(EF)).expect("opens");
    let ours = wire.one();
    assert_eq!((ours.segment.flags, tos(&ours)), (Flags::SYN, EF));
    wire.wait(Nanos::from_millis(1100));
    assert_eq!(tos(&wire.one()), EF, "sent again");
    wire.send(PEER, Segment { flags: Flags::SYN | Flags::ACK, ..ack_of(&ours, 100) }, &[]);
    assert_eq!(tos(&wire.one()), EF, "the ACK");
    wire.core().send(id, b"hello").expect("room");
    let payload = wire.one();
    assert_eq!((payload.segment.payload_len, tos(&payload)), (5, EF));
    set(&mut wire, id, with(AF21));
    // A SYN was lost: RFC 6298 5.7.
    wire.wait(Nanos::from_millis(3100));
    let again = wire.sent();
    assert!(!again.is_empty() && again.iter().all(|sent| tos(sent) == AF21), "{again:?}");
    wire.core().shutdown(id).expect("open");
    let fin = wire.one();
    assert_eq!((fin.segment.flags.contains(Flags::FIN), tos(&fin)), (true, AF21));
    wire.send(PEER, Segment { flags: Flags::FIN | Flags::ACK, ..ack_of(&fin, 101) }, &[]);
    assert_eq!(tos(&wire.one()), AF21, "the last ACK");
    wire.send(PEER, Segment { flags: Flags::FIN | Flags::ACK, ..ack_of(&fin, 101) }, &[]);
    assert_eq!(tos(&wire.one()), AF21, "TIME_WAIT's");
}

#[test]
fn an_abort_has_it_and_a_reset_of_nobody_does_not() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    let id = wire.core().connect(now, PEER.into(), None, with(EF)).expect("opens");
    let ours = wire.one();
    wire.send(PEER, Segment { flags: Flags::SYN | Flags::ACK, ..ack_of(&ours, 100) }, &[]);
    wire.one();
    wire.core().abort(now, id);
    let reset = wire.one();
    assert_eq!((reset.segment.flags.contains(Flags::RST), tos(&reset)), (true, EF));
    wire.send(PEER, ack_of(&ours, 101), b"late");
    let reset = wire.one();
    assert_eq!((reset.segment.flags.contains(Flags::RST), tos(&reset)), (true, 0));
}

//= rfc9293#3.9.1.9 MUST-48
#[test]
fn what_a_listener_is_made_with_holds_for_its_connections() {
    let mut wire = Wire::new(|_| {});
    let listener = wire.core().listen((US, 7).into(), 1, with(EF)).expect("listens");
    wire.send(PEER, syn(7, 100), &[]);
    let answer = wire.one();
    assert_eq!((answer.segment.flags, tos(&answer)), (Flags::SYN | Flags::ACK, EF));
    // The SYN queue is full: a cookie, and what comes of it.
    let other = SocketAddrV4::new(*PEER.ip(), 8);
    wire.send(other, syn(7, 200), &[]);
    let cookie = wire.one();
    assert_eq!((wire.core().counters().syn_cookies_sent, tos(&cookie)), (1, EF));
    for (from, answer, seq) in [(PEER, &answer, 101), (other, &cookie, 201)] {
        wire.send(from, ack_of(answer, seq), &[]);
        let id = wire.core().accept(listener).expect("open");
        wire.core().send(id, b"hello").expect("room");
        assert_eq!(tos(&wire.one()), EF);
    }
}

//= rfc9293#3.9.2 MUST-49
#[test]
fn packets_live_as_long_as_the_host_is_set_up_to_let_them() {
    // One of 0 would be no packet (RFC 1122 3.2.1.7).
    for (set_up, lives) in [(None, 64), (Some(200), 200), (Some(0), 1)] {
        let mut wire = Wire::new(|config| config.ttl = set_up.unwrap_or(config.ttl));
        let now = wire.now;
        wire.core().connect(now, PEER.into(), None, HOST).expect("opens");
        let ours = wire.one();
        wire.send(PEER, Segment { flags: Flags::SYN | Flags::ACK, ..ack_of(&ours, 100) }, &[]);
        let ack = wire.one();
        assert_eq!([ours.packet[8], ack.packet[8]], [lives; 2], "{set_up:?}");
        let stranger = SocketAddrV4::new(*PEER.ip(), 9);
        wire.send(stranger, syn(7, 100), &[]);
        assert_eq!(wire.one().packet[8], lives, "a reset of nobody");
    }
}

#[test]
fn the_bits_of_ecn_are_not_the_applications() {
    let mut wire = Wire::new(|config| config.ecn = EcnMode::On);
    let now = wire.now;
    let id = wire.core().connect(now, PEER.into(), None, with(EF | 3)).expect("opens");
    let ours = wire.one();
    assert_eq!(tos(&ours), EF);
    let flags = Flags::SYN | Flags::ACK | Flags::ECE;
    wire.send(PEER, Segment { flags, ..ack_of(&ours, 100) }, &[]);
    assert_eq!(tos(&wire.one()), EF);
    wire.core().send(id, b"hello").expect("room");
    assert_eq!(tos(&wire.one()), EF | Ecn::Ect0.bits());
}
