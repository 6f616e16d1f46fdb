//! Addresses: our own, the peer's, and those that no connection can have. And what else comes before TCP.

use std::net::{IpAddr, SocketAddrV4};

use mafo_mem::Nanos;
use mafo_stack::{ConnectError, SocketError};
use mafo_tcp::{Flags, Segment};

use crate::rig::{HOST, Sent, US, Wire, ack_of, syn};

fn peer() -> SocketAddrV4 {
    "192.0.2.9:4000".parse().expect("address")
}

/// Source address of an IP packet.
fn source(sent: &Sent) -> &[u8] {
    &sent.packet[12..16]
}

//= rfc9293#3.9.1.1 MUST-46
#[test]
fn nobody_and_everybody_cannot_be_connected_to() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    for remote in ["224.0.0.1", "255.255.255.255", "10.77.0.255", "0.0.0.0"] {
        let address: IpAddr = remote.parse().expect("address");
        let opened = wire.core().connect(now, (address, 80).into(), None, HOST);
        assert_eq!(opened, Err(ConnectError::Unreachable(address)), "{remote}");
    }
    wire.wait(Nanos::from_secs(5));
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().sockets(), 0);
}

//= rfc9293#3.9.1.1 MUST-44 MUST-45
//= rfc9293#3.7.1 MUST-67
#[test]
fn a_connection_speaks_from_our_address_and_announces_what_the_link_carries() {
    let mut wire = Wire::new(|config| config.mtu = 1400);
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), None, HOST).expect("opens");
    let first = wire.one();
    assert_eq!((source(&first), first.segment.options.mss), (&US.octets()[..], Some(1360)));
    wire.send(peer(), Segment { flags: Flags::SYN | Flags::ACK, ..ack_of(&first, 100) }, &[]);
    wire.core().send(id, b"hello").expect("room");
    for sent in wire.sent() {
        assert_eq!(source(&sent), US.octets());
        assert_eq!((sent.to, sent.segment.src_port), (peer(), first.segment.src_port));
    }
}

//= rfc9293#3.9.2.3 MUST-57
#[test]
fn a_syn_to_everybody_is_dropped_without_a_word() {
    let mut wire = Wire::new(|_| {});
    wire.core().listen(([0, 0, 0, 0], 7).into(), 4, HOST).expect("listens");
    for to in [[224, 0, 0, 1], [255, 255, 255, 255], [10, 77, 0, 255]] {
        wire.send_to(to.into(), peer(), syn(7, 1), &[]);
        wire.send_to(to.into(), peer(), syn(9, 1), &[]);
    }
    assert!(wire.sent().is_empty(), "neither a SYN,ACK nor a reset");
    assert_eq!(wire.core().counters().rx_not_for_us, 6);
}

/// A connection opens from port 5000, and a listener takes that port; neither minds the other.
///
//= rfc9293#3.9.1.1 MUST-41 MUST-42 MUST-43
#[test]
fn a_port_that_a_connection_opens_from_can_be_listened_on() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), Some(5000), HOST).expect("opens");
    let first = wire.one();
    let listener = wire.core().listen((US, 5000).into(), 4, HOST).expect("listens");
    assert!(wire.core().listen(([0, 0, 0, 0], 5000).into(), 4, HOST).is_err(), "in use");
    let client: SocketAddrV4 = "192.0.2.7:1".parse().expect("address");
    wire.send(client, syn(5000, 100), &[]);
    let syn_ack = wire.one();
    assert_eq!((syn_ack.to, syn_ack.segment.flags), (client, Flags::SYN | Flags::ACK));
    wire.send(client, ack_of(&syn_ack, 101), &[]);
    assert!(wire.core().accept(listener).is_some());
    wire.send(peer(), Segment { flags: Flags::SYN | Flags::ACK, ..ack_of(&first, 100) }, &[]);
    let established = wire.one();
    assert_eq!((established.to, established.segment.flags), (peer(), Flags::ACK));
    assert_eq!(wire.core().recv(id, &mut [0]), Err(SocketError::WouldBlock));
}

//= rfc9293#3.1 MUST-3
#[test]
fn a_segment_whose_checksum_is_wrong_is_dropped_and_counted() {
    let mut wire = Wire::new(|_| {});
    wire.core().listen((US, 7).into(), 4, HOST).expect("listens");
    // The last byte of the TCP header of a SYN with an MSS.
    let at = 14 + 20 + 24 - 1;
    wire.send_changed(peer(), syn(7, 1), |frame| frame[at] ^= 1);
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().counters().rx_csum_bad, 1);
    wire.send_changed(peer(), syn(7, 1), |_| {});
    assert_eq!(wire.one().segment.flags, Flags::SYN | Flags::ACK);
}

/// An option of a kind that nobody has assigned, behind the IPv4 header.
///
//= rfc9293#3.9.2 MUST-50
#[test]
fn ip_options_are_skipped() {
    let mut wire = Wire::new(|_| {});
    wire.core().listen((US, 7).into(), 4, HOST).expect("listens");
    wire.send_changed(peer(), syn(7, 1), |frame| {
        frame.splice(34..34, [0x9e, 4, 0xff, 0xff]);
        let total = u16::from_be_bytes([frame[16], frame[17]]) + 4;
        frame[14] = 0x46;
        frame[16..18].copy_from_slice(&total.to_be_bytes());
        frame[24..26].fill(0);
        let sum = mafo_mem::checksum::sum(&frame[14..38]).checksum();
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    });
    let reply = wire.one();
    assert_eq!((reply.to, reply.segment.flags), (peer(), Flags::SYN | Flags::ACK));
}

/// Ports that opens to `remote` take, one after the other, with this secret.
fn ports_taken(secret: u8, remote: SocketAddrV4, count: usize) -> Vec<u16> {
    let mut wire = Wire::new(|config| {
        config.secret = [secret; 16];
        config.ephemeral_ports = (50_000, 50_999);
    });
    let now = wire.now;
    let mut open = || {
        wire.core().connect(now, remote.into(), None, HOST).expect("opens");
        wire.one().segment.src_port
    };
    (0..count).map(|_| open()).collect()
}

//= rfc6056#3.3.3 RFC6056-3.3.3-1 RFC6056-3.3.3-2
#[test]
fn each_peer_sees_ports_from_elsewhere_on() {
    let taken = ports_taken(1, peer(), 3);
    let from =
        |first: u16| (0..3).map(|n| 50_000 + (first - 50_000 + n) % 1000).collect::<Vec<u16>>();
    assert_eq!(taken, from(taken[0]), "in turn");
    assert_eq!(taken, ports_taken(1, peer(), 3), "by the secret and the ends alone");
    let other: SocketAddrV4 = "192.0.2.9:4001".parse().expect("address");
    for elsewhere in [ports_taken(2, peer(), 1), ports_taken(1, other, 1)] {
        assert_ne!(elsewhere[0], taken[0]);
    }
}

//= rfc6056#3.1 RFC6056-3.1-1
#[test]
fn every_port_that_is_free_is_found_and_no_other() {
    let mut wire = Wire::new(|config| config.ephemeral_ports = (50_000, 50_007));
    let now = wire.now;
    wire.core().listen((US, 50_003).into(), 4, HOST).expect("listens");
    let mut taken = Vec::new();
    for _ in 0..7 {
        wire.core().connect(now, peer().into(), None, HOST).expect("a port is free");
        taken.push(wire.one().segment.src_port);
    }
    taken.sort_unstable();
    assert_eq!(taken, [50_000, 50_001, 50_002, 50_004, 50_005, 50_006, 50_007]);
    let refused = wire.core().connect(now, peer().into(), None, HOST);
    assert_eq!(refused, Err(ConnectError::AddrInUse(peer().into())));
}
