//! Explicit congestion notification on the wire: the bits of the IP header, and who asks.

use std::net::{Ipv4Addr, SocketAddrV4};

use mafo_stack::{EcnMode, SocketId};
use mafo_tcp::{Ecn, Flags, Segment};

use crate::rig::{HOST, Sent, US, Wire, ack_of, syn};

const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 7);
const SETUP: Flags = Flags::ECE.with(Flags::CWR);

fn ecn_of(sent: &Sent) -> Ecn {
    Ecn::of_tos(sent.packet[1])
}

/// A stack that opens a connection; its SYN.
fn open(mode: EcnMode) -> (Wire, SocketId, Sent) {
    let mut wire = Wire::new(|config| config.ecn = mode);
    let now = wire.now;
    let id = wire.core().connect(now, PEER.into(), None, HOST).expect("opens");
    let syn = wire.one();
    (wire, id, syn)
}

//= rfc9293#3.8.2 SHLD-8
#[test]
fn payload_is_marked_and_a_mark_is_echoed() {
    let (mut wire, id, ours) = open(EcnMode::On);
    assert_eq!((ours.segment.flags, ecn_of(&ours)), (Flags::SYN | SETUP, Ecn::NotEct));
    let answer = Segment { flags: Flags::SYN | Flags::ACK | Flags::ECE, ..ack_of(&ours, 100) };
    wire.send(PEER, answer, &[]);
    assert_eq!(ecn_of(&wire.one()), Ecn::NotEct);
    wire.core().send(id, b"hello").expect("room");
    let payload = wire.one();
    assert_eq!(ecn_of(&payload), Ecn::Ect0);
    // What a queue on the way to us has marked.
    wire.send(PEER, Segment { ecn: Ecn::Ce, ..ack_of(&payload, 101) }, b"marked");
    let echo = wire.one();
    assert_eq!((echo.segment.flags, ecn_of(&echo)), (Flags::ACK | Flags::ECE, Ecn::NotEct));
}

#[test]
fn nobody_asks_by_default_but_who_asks_is_answered() {
    assert_eq!(open(EcnMode::OnRequest).2.segment.flags, Flags::SYN);
    assert_eq!(open(EcnMode::Off).2.segment.flags, Flags::SYN);
    for (mode, answer) in [(EcnMode::OnRequest, Flags::ECE), (EcnMode::Off, Flags::NONE)] {
        let mut wire = Wire::new(|config| config.ecn = mode);
        wire.core().listen((US, 7).into(), 4, HOST).expect("listens");
        let asks = syn(7, 100);
        wire.send(PEER, Segment { flags: asks.flags | SETUP, ..asks }, &[]);
        let sent = wire.sent().pop().expect("answered");
        assert_eq!(sent.segment.flags, Flags::SYN | Flags::ACK | answer);
    }
}
