//! ICMP errors and path MTU discovery, end to end: from a router's frame to what the application is told, and to
//! what leaves.

use std::net::SocketAddrV4;

use crate::rig::{HOST, Sent, Wire, ack_of};
use mafo_mem::Nanos;
use mafo_stack::{ConnectionError, IcmpReason, SocketError, SocketId};
use mafo_tcp::{Flags, Segment};

fn peer() -> SocketAddrV4 {
    "192.0.2.9:4000".parse().expect("address")
}

/// Opens a connection to a peer that announces segments of `mss` bytes.
fn established(wire: &mut Wire, mss: u16) -> SocketId {
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), None, HOST).expect("opens");
    let syn = wire.one();
    let mut reply = ack_of(&syn, 5000);
    reply.flags |= Flags::SYN;
    reply.options.mss = Some(mss);
    wire.send(peer(), reply, &[]);
    let _ = wire.sent();
    id
}

fn lens(sent: &[Sent]) -> Vec<u32> {
    sent.iter().map(|sent| sent.segment.payload_len).collect()
}

//= rfc9293#3.9.2.2 MUST-54
#[test]
fn an_open_that_a_router_refuses_fails_with_the_routers_reason() {
    for (kind, code, reason) in [
        (3, 0, ConnectionError::Icmp(IcmpReason::NetUnreachable)),
        (3, 1, ConnectionError::Icmp(IcmpReason::HostUnreachable)),
        (3, 2, ConnectionError::Icmp(IcmpReason::ProtocolUnreachable)),
        (3, 3, ConnectionError::Refused),
        (3, 13, ConnectionError::Icmp(IcmpReason::HostUnreachable)),
        (11, 0, ConnectionError::Icmp(IcmpReason::HostUnreachable)),
        (12, 0, ConnectionError::Icmp(IcmpReason::ParameterProblem)),
    ] {
        let mut wire = Wire::new(|_| {});
        let now = wire.now;
        let id = wire.core().connect(now, peer().into(), None, HOST).expect("opens");
        let syn = wire.one();
        wire.icmp(kind, code, 0, &syn);
        assert_eq!(wire.core().recv(id, &mut [0]), Err(SocketError::Connection(reason)));
        assert!(wire.sent().is_empty(), "nothing is to be said to a peer that is not there");
    }
}

//= rfc9293#3.9.2.2 MUST-54 SHLD-25 MUST-56
#[test]
fn an_open_connection_outlives_errors_and_ends_with_their_reason() {
    let mut wire = Wire::new(|config| config.tcp.retransmits_max = 3);
    let id = established(&mut wire, 1460);
    wire.core().send(id, b"hello").expect("room");
    let sent = wire.one();
    wire.icmp(3, 3, 0, &sent);
    wire.icmp(3, 1, 0, &sent);
    assert_eq!(wire.core().recv(id, &mut [0]), Err(SocketError::WouldBlock));
    wire.wait(Nanos::from_secs(60));
    let unreachable = ConnectionError::Icmp(IcmpReason::HostUnreachable);
    assert_eq!(wire.core().recv(id, &mut [0]), Err(SocketError::Connection(unreachable)));
}

//= rfc9293#3.9.2.2 MUST-55
//= rfc5927#6.2 RFC5927-6.2-1
//= rfc5927#7.2 RFC5927-7.2-1
#[test]
fn errors_that_cannot_be_are_dropped_and_counted() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), None, HOST).expect("opens");
    let syn = wire.one();
    wire.icmp(4, 0, 0, &syn);
    assert_eq!(wire.core().counters().icmp_drop_quench, 1);
    let mut stranger = syn.clone();
    stranger.packet[20] ^= 1;
    wire.icmp(3, 3, 0, &stranger);
    assert_eq!(wire.core().counters().icmp_drop_no_connection, 1);
    let mut guess = syn.clone();
    guess.packet[27] ^= 1;
    wire.icmp(3, 3, 0, &guess);
    assert_eq!(wire.core().tcp_counters().icmp_drop_sequence, 1);
    wire.icmp(3, 4, 600, &guess);
    assert_eq!(wire.core().counters().icmp_drop_sequence, 1);
    let mut udp = syn.clone();
    udp.packet[9] = 17;
    wire.icmp(3, 3, 0, &udp);
    assert_eq!(wire.core().counters().icmp_drop_malformed, 1);
    assert_eq!(wire.core().recv(id, &mut [0]), Err(SocketError::WouldBlock), "still opening");
}

//= rfc1191#3 RFC1191-3-1 RFC1191-3-4
//= rfc1191#6.4 RFC1191-6.4-1
#[test]
fn a_narrow_path_is_found_and_what_was_too_long_sent_again() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, 1460);
    wire.core().send(id, &[0; 2920]).expect("room");
    let sent = wire.sent();
    assert_eq!(lens(&sent), [1460, 1460]);
    assert!(sent.iter().all(Sent::dont_fragment));
    wire.icmp(3, 4, 1040, &sent[0]);
    let again = wire.sent();
    assert_eq!(lens(&again), [1000, 1000, 920]);
    assert_eq!(again[0].segment.seq, sent[0].segment.seq);
    // The second one's error says the same.
    wire.icmp(3, 4, 1040, &sent[1]);
    assert!(wire.sent().is_empty());
    let counters = *wire.core().counters();
    assert_eq!((counters.path_mtu_lowered, counters.icmp_mtu_ignored), (1, 1));
}

//= rfc1191#6.3 RFC1191-6.3-1 RFC1191-6.3-2
#[test]
fn what_is_known_of_a_path_holds_for_new_connections_and_ends() {
    let mut wire = Wire::new(|_| {});
    let first = established(&mut wire, 1460);
    wire.core().send(first, &[0; 1460]).expect("room");
    let sent = wire.one();
    wire.icmp(3, 4, 1040, &sent);
    let again = wire.sent();
    wire.send(peer(), ack_of(&again[1], 5001), &[]);
    let second = established(&mut wire, 1460);
    wire.core().send(second, &[0; 2000]).expect("room");
    let sent = wire.sent();
    assert_eq!(lens(&sent), [1000, 1000]);
    wire.send(peer(), ack_of(&sent[1], 5001), &[]);
    wire.wait(Nanos::from_secs(590));
    assert_eq!(wire.core().counters().path_mtu_raised, 0, "not yet");
    wire.wait(Nanos::from_secs(11));
    assert_eq!(wire.core().counters().path_mtu_raised, 1);
    let _ = wire.sent();
    wire.core().send(second, &[0; 1460]).expect("room");
    assert_eq!(lens(&wire.sent()), [1460], "the path may be as wide as the link again");
}

#[test]
fn a_path_below_the_least_mtu_gets_packets_that_may_be_cut() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, 1460);
    wire.core().send(id, &[0; 1460]).expect("room");
    let sent = wire.one();
    wire.icmp(3, 4, 68, &sent);
    let again = wire.sent();
    assert_eq!(lens(&again), [512, 512, 436]);
    assert!(!again.iter().any(Sent::dont_fragment));
    let ids: Vec<&[u8]> = again.iter().map(|sent| &sent.packet[4..6]).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "pieces are told apart by {ids:?}");
}

#[test]
fn a_router_that_names_no_mtu_is_asked_in_steps() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, 1460);
    wire.core().send(id, &[0; 1460]).expect("room");
    let mut sent = wire.one();
    for expected in [[1452, 8], [966, 494]] {
        wire.icmp(3, 4, 0, &sent);
        let again = wire.sent();
        assert_eq!(lens(&again)[0], expected[0]);
        sent = again.into_iter().next().expect("sent again");
    }
}

#[test]
fn an_error_about_what_was_acknowledged_changes_nothing() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, 1460);
    wire.core().send(id, &[0; 1460]).expect("room");
    let sent = wire.one();
    wire.send(peer(), Segment { window: 60_000, ..ack_of(&sent, 5001) }, &[]);
    wire.icmp(3, 4, 600, &sent);
    wire.core().send(id, &[0; 1460]).expect("room");
    assert_eq!(lens(&wire.sent()), [1460]);
    assert_eq!(wire.core().counters().icmp_drop_sequence, 1);
}
