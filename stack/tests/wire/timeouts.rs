//! How long sockets wait.

use std::net::SocketAddrV4;

use mafo_mem::Nanos;
use mafo_stack::{ConnectionError, Event, Options, Readiness, SocketError, SocketId, Timeouts};
use mafo_tcp::{Flags, Keepalive};

use crate::rig::{HOST, Sent, Wire, ack_of};

fn peer() -> SocketAddrV4 {
    "192.0.2.9:4000".parse().expect("address")
}

fn connect(wire: &mut Wire, timeouts: Timeouts) -> (SocketId, Sent) {
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), None, HOST).expect("opens");
    wire.core().set_timeouts(now, id, timeouts).expect("a socket");
    (id, wire.one())
}

fn established(wire: &mut Wire, timeouts: Timeouts) -> SocketId {
    let (id, syn) = connect(wire, timeouts);
    let mut reply = ack_of(&syn, 5000);
    reply.flags |= Flags::SYN;
    wire.send(peer(), reply, &[]);
    let _ = wire.sent();
    id
}

const TIMED_OUT: Result<usize, SocketError> =
    Err(SocketError::Connection(ConnectionError::TimedOut));
const WAITING: Result<usize, SocketError> = Err(SocketError::WouldBlock);

fn seconds(n: u64) -> Option<Nanos> {
    Some(Nanos::from_secs(n))
}

/// Lets time pass with a router that answers for itself all along, and says what left.
fn pass(wire: &mut Wire, millis: u64) -> Vec<Sent> {
    let mut sent = Vec::new();
    for _ in 0..millis / 10 {
        wire.wait(Nanos::from_millis(10));
        sent.extend(wire.sent());
    }
    sent
}

#[test]
fn an_open_is_given_up_when_the_application_has_waited_enough() {
    let mut wire = Wire::new(|_| {});
    let (id, _) = connect(&mut wire, Timeouts { connect: seconds(5), ..Timeouts::default() });
    assert_eq!(pass(&mut wire, 4990).len(), 2, "SYNs after 1 and 3 s");
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING);
    pass(&mut wire, 20);
    assert_eq!(wire.core().recv(id, &mut [0]), TIMED_OUT);
    assert!(pass(&mut wire, 10_000).is_empty());
}

#[test]
fn an_open_connection_has_no_deadline_for_opening() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, Timeouts { connect: seconds(5), ..Timeouts::default() });
    pass(&mut wire, 10_000);
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING);
}

//= rfc9293#3.8.3 MUST-21
#[test]
fn bytes_that_are_not_acknowledged_time_out_by_the_user() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, Timeouts { user: seconds(3), ..Timeouts::default() });
    pass(&mut wire, 10_000);
    wire.core().send(id, b"hello").expect("room");
    pass(&mut wire, 2990);
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING);
    pass(&mut wire, 20);
    assert_eq!(wire.core().recv(id, &mut [0]), TIMED_OUT);
}

//= rfc9293#3.8.4 MUST-27
#[test]
fn keepalive_goes_by_the_socket_s_own_times() {
    let mut wire = Wire::new(|_| {});
    let second = Nanos::from_secs(1);
    let keepalive = Some(Keepalive { idle: Nanos::from_secs(10), interval: second, probes_max: 3 });
    let id = established(&mut wire, Timeouts { keepalive, ..Timeouts::default() });
    let now = wire.now;
    wire.core().set_options(now, id, Options { keepalive: true, ..HOST });
    assert!(pass(&mut wire, 9990).is_empty());
    let probes = pass(&mut wire, 2020);
    assert_eq!(probes.len(), 3);
    assert!(probes.iter().all(|probe| probe.segment.flags == Flags::ACK));
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING);
    let last = pass(&mut wire, 1000);
    assert!(last[0].segment.flags.contains(Flags::RST), "{last:?}");
    assert_eq!(wire.core().recv(id, &mut [0]), TIMED_OUT);
}

//= rfc9293#3.8.4 MUST-24
#[test]
fn keepalive_can_be_switched_off_again() {
    let mut wire = Wire::new(|_| {});
    let second = Nanos::from_secs(1);
    let keepalive = Some(Keepalive { idle: second, interval: second, probes_max: 3 });
    let id = established(&mut wire, Timeouts { keepalive, ..Timeouts::default() });
    for on in [true, false] {
        let now = wire.now;
        wire.core().set_options(now, id, Options { keepalive: on, ..HOST });
    }
    assert!(pass(&mut wire, 10_000).is_empty());
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING);
}

/// RFC 9293 3.8.3, R1: after three retransmissions the router is asked whether it is still there.
//= rfc9293#3.8.3 MUST-20-R1 SHLD-10
#[test]
fn a_router_in_doubt_is_asked() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, Timeouts::default());
    wire.core().send(id, b"hello").expect("room");
    // RTO 200 ms, doubling: retransmissions after 0.2, 0.6 and 1.4 s.
    pass(&mut wire, 1300);
    let before = wire.core().counters().arp_requests;
    pass(&mut wire, 200);
    assert_eq!(wire.core().counters().arp_requests - before, 1);
    assert_eq!(wire.core().tcp_counters().negative_advice, 1);
}

/// What the application has been told of `id` since the last time.
fn news(wire: &mut Wire, id: SocketId) -> Vec<Readiness> {
    let events = std::iter::from_fn(|| wire.core().poll_event());
    let of = |event| match event {
        Event::Socket(other, news) if other == id => Some(news),
        Event::Socket(..) | Event::Incoming(_) | Event::Arrived(..) => None,
    };
    events.filter_map(of).collect()
}

//= rfc9293#3.8.3 SHLD-9
#[test]
fn who_waits_is_told_that_the_peer_does_not_answer() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, Timeouts::default());
    wire.core().send(id, b"hello").expect("room");
    news(&mut wire, id);
    pass(&mut wire, 1300);
    assert_eq!(news(&mut wire, id), [], "two retransmissions are no news");
    let last = pass(&mut wire, 200).pop().expect("the third");
    assert_eq!(news(&mut wire, id), [Readiness::UNRESPONSIVE]);
    pass(&mut wire, 5000);
    assert_eq!(news(&mut wire, id), [], "once an episode");
    assert_eq!(wire.core().recv(id, &mut [0]), WAITING, "the connection goes on");
    // After an answer the count begins anew; the timeout stays long (RFC 6298 5.7).
    wire.send(peer(), ack_of(&last, 5001), &[]);
    assert_eq!(wire.core().status(id).map(|status| status.unacknowledged), Some(0));
    wire.core().send(id, b"again").expect("room");
    news(&mut wire, id);
    pass(&mut wire, 60_000);
    assert_eq!(news(&mut wire, id), [Readiness::UNRESPONSIVE]);
}

/// RFC 1122 4.2.2.13: nobody will ever read what still comes, and its sender has to know.
///
//= rfc1122#4.2.2.13 RFC1122-4.2.2.13-1
//= rfc9293#3.6.1 SHLD-3
#[test]
fn bytes_that_come_after_close_are_answered_by_a_reset() {
    let mut wire = Wire::new(|_| {});
    let id = established(&mut wire, Timeouts::default());
    let now = wire.now;
    wire.core().close(now, id);
    let fin = wire.one();
    assert!(fin.segment.flags.contains(Flags::FIN));
    wire.send(peer(), ack_of(&fin, 5001), b"too late");
    let reset = wire.sent();
    assert!(reset.iter().any(|sent| sent.segment.flags.contains(Flags::RST)), "{reset:?}");
    assert_eq!(wire.core().sockets(), 0);
}
