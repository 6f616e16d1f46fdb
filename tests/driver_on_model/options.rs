//! Settings of sockets whose TCP runs in an adapter, as the wire shows them, and what the card says of them.

use std::sync::{Arc, Mutex};

use mafo::wire::mem::MemEnd;
use mafo::wire::{Wire, WireCounters};
use mafo::{Nanos, Options, SocketId};
use mafo_mem::{Frame, FrameBurst};
use mafo_stack::packet::{self, Packet};
use mafo_stack::tom::Fence;
use mafo_stack::{Dscp, StackConfig, State, Then};

use crate::hosts::{Net, OFFLOAD};

/// What of a segment matters here.
struct Segment {
    flags: u8,
    payload_len: usize,
    /// The second byte of the IP header.
    tos: u8,
    ttl: u8,
    /// The first option, if that is a segment size.
    mss: Option<u16>,
}

const ACK: u8 = 0x10;

/// Segments that the first host sent.
type Sent = Arc<Mutex<Vec<Segment>>>;

/// A wire that notes what goes out.
struct Noted(MemEnd, Sent);

impl Wire for Noted {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.0.rx_burst(now, burst)
    }
    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        for frame in frames {
            if let Ok(Packet::Tcp(_, tcp)) = packet::parse(frame.as_slice()) {
                let payload_len = tcp.len() - usize::from(tcp[12] >> 4) * 4;
                let mss = match tcp[20..] {
                    [2, 4, high, low, ..] => Some(u16::from_be_bytes([high, low])),
                    _ => None,
                };
                let ip = &frame.as_slice()[packet::ETHERNET_HEADER..];
                let segment = Segment { flags: tcp[13], payload_len, tos: ip[1], ttl: ip[8], mss };
                self.1.lock().expect("a list").push(segment);
            }
        }
        self.0.tx_burst(now, frames)
    }
    fn link_up(&mut self, now: Nanos) -> bool {
        self.0.link_up(now)
    }
    fn poll_timeout(&self) -> Option<Nanos> {
        self.0.poll_timeout()
    }
    fn counters(&self) -> WireCounters {
        self.0.counters()
    }
}

/// Two adapters of the first host, the segments of each noted, with an open connection.
fn connected_twice() -> (Net, [Sent; 2], [SocketId; 2]) {
    let sent = [Sent::default(), Sent::default()];
    let noted = sent.clone();
    let plug = move |n: usize, wire| -> Box<dyn Wire> { Box::new(Noted(wire, noted[n].clone())) };
    let mut net = Net::up_with(2, plug);
    let ends = net.open(1)[0];
    run(&mut net, 5);
    (net, sent, ends)
}

/// A net whose first host's segments are noted, with an open connection.
fn connected(configure: impl Fn(&mut StackConfig)) -> (Net, Sent, [SocketId; 2]) {
    let sent = Sent::default();
    let noted = Arc::clone(&sent);
    let plug = move |_, wire| -> Box<dyn Wire> { Box::new(Noted(wire, Arc::clone(&noted))) };
    let mut net = Net::up_configured(1, plug, configure);
    let ends = net.open(1)[0];
    run(&mut net, 5);
    sent.lock().expect("a list").clear();
    (net, sent, ends)
}

fn run(net: &mut Net, millis: u64) {
    let until = net.now + Nanos::from_millis(millis);
    while net.now < until {
        net.step();
    }
}

fn write(net: &mut Net, host: usize, id: SocketId, bytes: usize, then: Then) {
    let taken = net.hosts[host].sockets_mut().send_with(id, &vec![7; bytes], then);
    assert_eq!(taken, Ok(bytes));
}

fn set(net: &mut Net, id: SocketId, options: Options) {
    let now = net.now;
    net.hosts[0].sockets_mut().set_options(now, id, options);
}

/// Payload lengths since the last time.
fn lens(sent: &Sent) -> Vec<usize> {
    let segments = std::mem::take(&mut *sent.lock().expect("a list"));
    segments.iter().map(|segment| segment.payload_len).filter(|&len| len > 0).collect()
}

/// ACKs without payload since the last time.
fn acks(sent: &Sent) -> usize {
    let segments = std::mem::take(&mut *sent.lock().expect("a list"));
    segments.iter().filter(|s| s.flags == ACK && s.payload_len == 0).count()
}

#[test]
fn the_card_is_asked_how_a_connection_stands() {
    let (mut net, _, [id, far]) = connected(|config| config.adapter_initial_window = Some(10));
    assert_eq!(net.hosts[0].sockets().info(id), None, "nobody has asked");
    net.hosts[0].sockets_mut().ask_card(id);
    run(&mut net, 1);
    let info = net.hosts[0].sockets().info(id).expect("an answer");
    assert_eq!(
        (info.state, info.payload_max, info.mss_announced),
        (State::Established, 1448, 1460)
    );
    // INITCWND can say seven at most.
    assert_eq!((info.cwnd, info.in_flight, info.unsent_bytes), (10 * 1448, 0, 0));
    assert!(info.timestamps && info.sack && info.window_scale.is_some());
    assert!(info.ssthresh >= mafo_stack::Info::SSTHRESH_UNKNOWN);
    write(&mut net, 0, id, 20 * 1448, Then::Nothing);
    write(&mut net, 1, far, 700, Then::Nothing);
    run(&mut net, 100);
    net.hosts[0].sockets_mut().ask_card(id);
    run(&mut net, 1);
    let later = net.hosts[0].sockets().info(id).expect("an answer");
    assert!(later.cwnd > info.cwnd, "{later:?}");
    assert!(later.srtt.is_some() && later.rto >= Nanos::from_millis(200), "{later:?}");
    assert_eq!(later.largest_received, 700);
    let activity = net.hosts[0].sockets().activity(net.now, id).expect("it was asked");
    assert!(activity.busy > Nanos::ZERO && activity.busy < Nanos::from_millis(50), "{activity:?}");
}

/// The code points of what was sent since the last time, as TOS octets, each once.
fn tos(sent: &Sent) -> Vec<u8> {
    let segments = std::mem::take(&mut *sent.lock().expect("a list"));
    let mut tos: Vec<u8> = segments.iter().map(|segment| segment.tos).collect();
    tos.dedup();
    tos
}

fn with_tos(tos: u8) -> Options {
    Options { dscp: Dscp::of_tos(tos), ..OFFLOAD }
}

//= rfc9293#3.9.1.9 MUST-48 SHLD-21 SHLD-22
#[test]
fn a_card_marks_what_it_sends_as_the_application_chose_last() {
    let (mut net, sent, _) = connected(|_| {});
    let now = net.now;
    let remote = (crate::hosts::ADDRESSES[1], 7).into();
    let id = net.hosts[0].sockets_mut().connect(now, remote, None, with_tos(0xbb)).expect("opens");
    run(&mut net, 5);
    write(&mut net, 0, id, 5000, Then::Nothing);
    run(&mut net, 20);
    assert_eq!(tos(&sent), [0xb8], "SYN, ACK and payload; ECN's bits are not the application's");
    set(&mut net, id, with_tos(0x48));
    write(&mut net, 0, id, 5000, Then::Nothing);
    run(&mut net, 20);
    assert_eq!(tos(&sent), [0x48]);
    // As it opens, the card cannot be told yet.
    let now = net.now;
    let other = net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
    net.step();
    set(&mut net, other, with_tos(0x48));
    run(&mut net, 5);
    tos(&sent);
    write(&mut net, 0, other, 5000, Then::Nothing);
    run(&mut net, 20);
    assert_eq!(tos(&sent), [0x48]);
}

//= rfc9293#3.9.2 MUST-49
#[test]
fn packets_of_a_card_live_as_long_as_its_driver_was_told() {
    let (mut net, sent, [id, _]) = connected(|_| {});
    write(&mut net, 0, id, 5000, Then::Nothing);
    run(&mut net, 20);
    let segments = std::mem::take(&mut *sent.lock().expect("a list"));
    assert!(
        !segments.is_empty() && segments.iter().all(|segment| segment.ttl == crate::hosts::TTL)
    );
}

//= rfc9293#3.9.1.9 MUST-48
#[test]
fn a_card_marks_what_a_listener_accepts() {
    let (mut net, sent, _) = connected(|_| {});
    let at = (crate::hosts::ADDRESSES[0], 80).into();
    let core = net.hosts[0].sockets_mut();
    let listener = core.listen(at, 4, with_tos(0xb8)).expect("listens");
    run(&mut net, 1);
    let now = net.now;
    net.hosts[1].sockets_mut().connect(now, at, None, OFFLOAD).expect("opens");
    run(&mut net, 5);
    let id = net.hosts[0].sockets_mut().accept(listener).expect("open");
    write(&mut net, 0, id, 5000, Then::Nothing);
    run(&mut net, 20);
    assert_eq!(tos(&sent), [0xb8]);
}

/// One that was chosen before the cable was cut, and one while the connection is between two adapters.
#[test]
fn another_card_marks_as_the_first_one_did() {
    for changed in [false, true] {
        let (mut net, [_, sent], [id, _]) = connected_twice();
        set(&mut net, id, with_tos(0xb8));
        run(&mut net, 5);
        net.cables[0].set_carrier(false);
        while net.hosts[0].sockets().offloaded(id).expect("alive").fence == Fence::Absent {
            net.step();
        }
        if changed {
            set(&mut net, id, with_tos(0x48));
        }
        while net.hosts[0].bond().expect("bond").is_moving() {
            net.step();
        }
        run(&mut net, 20);
        tos(&sent);
        write(&mut net, 0, id, 5000, Then::Nothing);
        run(&mut net, 20);
        let conn = net.hosts[0].sockets().offloaded(id).expect("alive");
        assert_eq!((conn.member.0, tos(&sent)), (1, vec![if changed { 0x48 } else { 0xb8 }]));
    }
}

/// What three short writes leave as: without Nagle's algorithm nothing waits for an ACK.
fn three_writes(net: &mut Net, sent: &Sent, id: SocketId) -> Vec<usize> {
    run(net, 20);
    lens(sent);
    for _ in 0..3 {
        write(net, 0, id, 1, Then::Nothing);
        net.step();
    }
    run(net, 100);
    lens(sent)
}

#[test]
fn what_was_changed_between_two_cards_the_second_one_is_told() {
    let (mut net, [_, sent], [id, _]) = connected_twice();
    net.cables[0].set_carrier(false);
    while net.hosts[0].sockets().offloaded(id).expect("alive").fence == Fence::Absent {
        net.step();
    }
    set(&mut net, id, Options { nagle: false, ..OFFLOAD });
    while net.hosts[0].bond().expect("bond").is_moving() {
        net.step();
    }
    assert_eq!(three_writes(&mut net, &sent, id), [1, 1, 1]);
}

#[test]
fn what_finds_no_room_in_the_ring_is_told_later() {
    let (mut net, sent, [id, _]) = connected(|config| config.adapter_initial_window = None);
    assert_eq!(three_writes(&mut net, &sent, id), [1, 2]);
    let full = |net: &Net| net.hosts[0].sockets().counters().tom_ring_full;
    // Something else, until there is no room.
    let mut keepalive = false;
    while full(&net) == 0 {
        keepalive = !keepalive;
        set(&mut net, id, Options { keepalive, ..OFFLOAD });
    }
    set(&mut net, id, Options { keepalive, nagle: false, ..OFFLOAD });
    assert_eq!(three_writes(&mut net, &sent, id), [1, 1, 1]);
}

#[test]
fn a_corked_socket_gives_its_card_whole_segments_only() {
    let (mut net, sent, [id, _]) = connected(|_| {});
    set(&mut net, id, Options { cork: true, ..OFFLOAD });
    write(&mut net, 0, id, 2000, Then::Nothing);
    run(&mut net, 100);
    assert_eq!(lens(&sent), [1448]);
    write(&mut net, 0, id, 500, Then::Nothing);
    run(&mut net, 10);
    assert_eq!(lens(&sent), [] as [usize; 0]);
    set(&mut net, id, OFFLOAD);
    run(&mut net, 10);
    assert_eq!(lens(&sent), [1052]);
    // With nothing under way the wait has an end.
    run(&mut net, 100);
    set(&mut net, id, Options { cork: true, ..OFFLOAD });
    write(&mut net, 0, id, 300, Then::Nothing);
    run(&mut net, 195);
    assert_eq!(lens(&sent), [] as [usize; 0]);
    run(&mut net, 10);
    assert_eq!(lens(&sent), [300]);
}

#[test]
fn what_more_is_to_follow_waits_for_it() {
    let (mut net, sent, [id, _]) = connected(|_| {});
    write(&mut net, 0, id, 100, Then::More);
    run(&mut net, 100);
    assert_eq!(lens(&sent), [] as [usize; 0]);
    write(&mut net, 0, id, 100, Then::Nothing);
    run(&mut net, 10);
    assert_eq!(lens(&sent), [200]);
}

#[test]
fn a_beginning_peer_is_answered_at_once_and_a_usual_one_later() {
    let (mut net, sent, [id, far]) = connected(|config| config.tcp.quick_acks = 4);
    for n in 0..7 {
        write(&mut net, 1, far, 100, Then::Nothing);
        run(&mut net, 10);
        assert_eq!(acks(&sent), usize::from(n < 4), "segment {n}");
        // What is delayed waits for a second segment, or 40 ms.
        run(&mut net, 50);
        acks(&sent);
    }
    set(&mut net, id, Options { quick_ack: true, ..OFFLOAD });
    run(&mut net, 1);
    write(&mut net, 1, far, 100, Then::Nothing);
    run(&mut net, 10);
    assert_eq!(acks(&sent), 1);
}

#[test]
fn a_smaller_segment_size_is_the_next_entry_of_the_table() {
    let (mut net, sent, _) = connected(|_| {});
    let options = Options { mss: Some(1000), ..OFFLOAD };
    let now = net.now;
    let remote = (crate::hosts::ADDRESSES[1], 7).into();
    let id = net.hosts[0].sockets_mut().connect(now, remote, None, options).expect("opens");
    run(&mut net, 10);
    assert_eq!(sent.lock().expect("a list")[0].mss, Some(984), "1024 less 40");
    lens(&sent);
    write(&mut net, 0, id, 2000, Then::Nothing);
    run(&mut net, 10);
    assert_eq!(lens(&sent), [972, 972, 56]);
}
