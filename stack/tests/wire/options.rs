//! What an application asks of a socket, as the peer sees it.

use std::net::SocketAddrV4;

use mafo_mem::Nanos;
use mafo_stack::{Life, Options, SocketId, StackConfig, Then};
use mafo_tcp::{Flags, Segment, SeqNum};

use crate::rig::{HOST, Sent, Wire, ack_of};

const MSS: usize = 1460;

fn peer() -> SocketAddrV4 {
    "192.0.2.9:4000".parse().expect("address")
}

fn open(options: Options, configure: impl FnOnce(&mut StackConfig)) -> (Wire, SocketId, Sent) {
    let mut wire = Wire::new(configure);
    let now = wire.now;
    let id = wire.core().connect(now, peer().into(), None, options).expect("opens");
    let syn = wire.one();
    (wire, id, syn)
}

/// A connection, and the ACK that the peer would send now.
fn established(
    options: Options,
    configure: impl FnOnce(&mut StackConfig),
) -> (Wire, SocketId, Segment) {
    let (mut wire, id, syn) = open(options, configure);
    let mut reply = ack_of(&syn, 5000);
    (reply.options.mss, reply.window) = (Some(MSS as u16), 60_000);
    wire.wait(Nanos::from_millis(100));
    wire.send(peer(), Segment { flags: Flags::SYN | Flags::ACK, ..reply }, &[]);
    let ack = Segment { seq: SeqNum(5001), options: Default::default(), ..reply };
    assert_eq!(wire.one().segment.flags, Flags::ACK);
    (wire, id, ack)
}

/// Payload length and PSH of what left.
fn shape(sent: &[Sent]) -> Vec<(usize, bool)> {
    let of = |s: &Sent| (s.segment.payload_len as usize, s.segment.flags.contains(Flags::PSH));
    sent.iter().map(of).collect()
}

fn send(wire: &mut Wire, id: SocketId, len: usize, then: Then) -> Vec<(usize, bool)> {
    let now = wire.now;
    assert_eq!(wire.core().send_with(id, &vec![1; len], then), Ok(len));
    wire.core().kick(now);
    shape(&wire.sent())
}

#[test]
fn a_cork_holds_the_tail_until_it_is_drawn() {
    let cork = Options { cork: true, ..HOST.with_nagle(false) };
    let (mut wire, id, _) = established(cork, |_| {});
    assert_eq!(send(&mut wire, id, 100, Then::Nothing), []);
    assert_eq!(send(&mut wire, id, MSS, Then::Nothing), [(MSS, false)], "what is full goes");
    let now = wire.now;
    wire.core().set_options(now, id, HOST);
    assert_eq!(shape(&wire.sent()), [], "Nagle still waits");
    wire.core().set_options(now, id, cork);
    assert_eq!(shape(&wire.sent()), [(100, true)], "who asks for no delay flushes");
    assert_eq!(send(&mut wire, id, 50, Then::Nothing), [], "but later bytes are corked");
}

#[test]
fn more_to_come_holds_the_tail_until_anything_happens() {
    let (mut wire, id, ack) = established(HOST.with_nagle(false), |_| {});
    assert_eq!(send(&mut wire, id, 40, Then::More), []);
    assert_eq!(send(&mut wire, id, 10, Then::Nothing), [(50, true)]);
    assert_eq!(send(&mut wire, id, 30, Then::More), []);
    wire.send(peer(), Segment { ack: ack.ack + 50, ..ack }, &[]);
    assert_eq!(shape(&wire.sent()), [(30, false)], "an ACK does; nobody asked for a push");
    wire.send(peer(), Segment { ack: ack.ack + 80, ..ack }, &[]);
    // With nothing under way no ACK will come: a timer lets it out.
    assert_eq!(send(&mut wire, id, 20, Then::More), []);
    wire.wait(Nanos::from_millis(400));
    assert_eq!(shape(&wire.sent()), [(20, true)]);
}

#[test]
fn a_writer_who_always_has_more_pushes_by_half_windows() {
    let (mut wire, id, mut ack) = established(HOST.with_nagle(false), |_| {});
    for n in 1..=43 {
        // Half of 60,000 bytes are 20.5 segments.
        assert_eq!(send(&mut wire, id, MSS, Then::More), [(MSS, n % 21 == 0)], "{n}");
        ack.ack += MSS as u32;
        wire.send(peer(), ack, &[]);
        assert_eq!(shape(&wire.sent()), []);
    }
    assert_eq!(send(&mut wire, id, 10, Then::More), []);
    let now = wire.now;
    wire.core().push(id);
    wire.core().kick(now);
    assert_eq!(shape(&wire.sent()), [(10, true)], "that was all");
    wire.core().shutdown(id).expect("open");
    wire.core().push(id);
    wire.core().kick(now);
    assert_eq!(wire.one().segment.flags, Flags::FIN | Flags::ACK);
}

#[test]
fn no_segment_holds_bytes_of_two_records() {
    let (mut wire, id, ack) = established(HOST.with_nagle(false), |_| {});
    // The window is full, so that what follows waits together.
    assert_eq!(send(&mut wire, id, 10 * MSS, Then::Nothing).len(), 10);
    for len in [100, 200] {
        assert_eq!(send(&mut wire, id, len, Then::Record), []);
    }
    assert_eq!(send(&mut wire, id, 300, Then::Nothing), []);
    let end = ack.ack + 10 * MSS as u32;
    wire.send(peer(), Segment { ack: end, ..ack }, &[]);
    assert_eq!(shape(&wire.sent()), [(100, true), (200, true), (300, true)]);
    // Lost, they are sent again as they were.
    let mut again = Vec::new();
    for _ in 0..20 {
        wire.wait(Nanos::from_millis(200));
        again.extend(shape(&wire.sent()));
        wire.send(peer(), Segment { ack: end + 100, ..ack }, &[]);
    }
    assert!(again.iter().all(|(len, _)| [100, 200, 300].contains(len)), "{again:?}");
    assert!(again.contains(&(200, true)), "{again:?}");
}

#[test]
fn a_socket_takes_no_more_than_its_limit() {
    let (mut wire, id, _) = established(Options { send_limit: Some(3000), ..HOST }, |_| {});
    assert_eq!(wire.core().send_room(id), 3000);
    assert_eq!(wire.core().send(id, &[1; 5000]), Ok(3000));
    assert_eq!(wire.core().status(id).map(|s| (s.send_room, s.unacknowledged)), Some((0, 3000)));
}

#[test]
fn the_mss_and_the_window_are_what_was_asked_for() {
    let small = Options { mss: Some(1000), recv_buffer: Some(8192), ..HOST };
    let (_, _, syn) = open(small, |_| {});
    assert_eq!(syn.segment.options.mss, Some(1000));
    assert_eq!(syn.segment.window, 8192);
    let plain = |config: &mut StackConfig| {
        (config.timestamps, config.sack, config.window_scaling) = (false, false, false);
    };
    let options = open(HOST, plain).2.segment.options;
    assert_eq!(
        (options.timestamps, options.sack_permitted, options.window_scale),
        (None, false, None)
    );
    let (_, _, syn) = open(HOST, |config| config.recv_buffer_max = 15 << 20);
    assert_eq!(syn.segment.options.window_scale, Some(8), "for what the window may grow to");
}

#[test]
fn quick_acks_are_sent_at_once_and_others_late() {
    for (quick_ack, quick_acks, at_once) in [(true, 0, true), (false, 16, true), (false, 0, false)]
    {
        let options = Options { quick_ack, ..HOST };
        let (mut wire, _, ack) = established(options, |config| config.tcp.quick_acks = quick_acks);
        wire.send(peer(), ack, &[7; 10]);
        assert_eq!(wire.sent().len(), usize::from(at_once), "{quick_ack} {quick_acks}");
        wire.wait(Nanos::from_millis(50));
        assert_eq!(wire.sent().len(), usize::from(!at_once), "{quick_ack} {quick_acks}");
    }
}

#[test]
fn peeking_leaves_the_bytes() {
    let (mut wire, id, ack) = established(HOST, |_| {});
    wire.send(peer(), ack, b"abc");
    let mut buf = [0; 2];
    assert_eq!((wire.core().peek(id, &mut buf), &buf), (Ok(2), b"ab"));
    assert_eq!((wire.core().recv(id, &mut buf), &buf), (Ok(2), b"ab"));
    assert_eq!((wire.core().peek(id, &mut buf), buf[0]), (Ok(1), b'c'));
}

#[test]
fn a_connection_that_is_closed_before_its_syn_is_answered_says_nothing_more() {
    let (mut wire, id, syn) = open(HOST, |_| {});
    let now = wire.now;
    wire.core().close(now, id);
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().status(id), None);
    let mut late = ack_of(&syn, 5000);
    late.flags |= Flags::SYN;
    wire.send(peer(), late, &[]);
    let reset = wire.one().segment;
    assert_eq!((reset.flags, reset.seq), (Flags::RST, late.ack));
}

#[test]
fn payload_that_nobody_is_left_to_read_is_answered_by_a_reset() {
    let (mut wire, id, ack) = established(HOST, |_| {});
    let now = wire.now;
    wire.core().close(now, id);
    assert_eq!(wire.one().segment.flags, Flags::FIN | Flags::ACK);
    wire.send(peer(), ack, b"hello?");
    let reset = wire.one().segment;
    assert_eq!((reset.flags, reset.seq), (Flags::RST, ack.ack), "as to a stranger");
    assert_eq!(wire.core().sockets(), 0);
}

#[test]
fn time_is_counted_by_what_a_connection_waits_for() {
    let (mut wire, id, ack) = established(HOST, |_| {});
    let millis = |wire: &mut Wire| {
        let now = wire.now;
        let activity = wire.core().activity(now, id).expect("the host path");
        let heard = now - activity.heard_at;
        [activity.busy, activity.window_limited, heard].map(Nanos::as_millis)
    };
    wire.wait(Nanos::from_millis(10));
    assert_eq!(millis(&mut wire), [0, 0, 10]);
    assert_eq!(send(&mut wire, id, 100, Then::Nothing).len(), 1);
    wire.wait(Nanos::from_millis(20));
    assert_eq!(millis(&mut wire), [20, 0, 30]);
    wire.send(peer(), Segment { ack: ack.ack + 100, window: 0, ..ack }, &[]);
    assert_eq!(send(&mut wire, id, 100, Then::Nothing), []);
    wire.wait(Nanos::from_millis(40));
    assert_eq!(millis(&mut wire), [60, 40, 70]);
    wire.send(peer(), Segment { ack: ack.ack + 100, ..ack }, b"x");
    assert_eq!(wire.sent().first().map(|s| s.segment.payload_len), Some(100));
    wire.wait(Nanos::from_millis(5));
    assert_eq!(millis(&mut wire), [65, 40, 5]);
    assert_eq!(wire.core().status(id).map(|s| s.life), Some(Life::Open));
    let info = wire.core().info(id).expect("the host path");
    assert_eq!((info.in_flight, info.unsent_bytes, info.payload_max), (1, 0, MSS as u32));
}

/// The window and its scale in a SYN, where sizes between 256 KiB and 4 MiB are what the stack begins with.
fn offered(recv_buffer: Option<u32>) -> (u16, Option<u8>) {
    let options = Options { recv_buffer, ..HOST };
    let (_, _, syn) = open(options, |config| {
        (config.recv_buffer, config.recv_buffer_max) = (256 << 10, 4 << 20);
        (config.window_scaling, config.timestamps) = (true, true);
    });
    (syn.segment.window, syn.segment.options.window_scale)
}

#[test]
fn a_buffer_that_was_asked_for_is_scaled_for_itself() {
    assert_eq!(offered(None), (65_535, Some(7)), "it may grow");
    assert_eq!(offered(Some(20_000)), (20_000, Some(0)), "it stays");
    assert_eq!(offered(Some(1_000_000)), (65_535, Some(4)));
}
