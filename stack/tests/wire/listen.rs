//! Listeners: their two queues, and what they do when there is no room.

use std::net::{Ipv4Addr, SocketAddrV4};

use mafo_mem::Nanos;
use mafo_stack::{ConnectError, ListenerId, Options, SocketError};
use mafo_tcp::{Flags, Segment, SeqNum, Timestamps};

use crate::rig::{HOST, Sent, US, Wire, ack_of, syn};

const PORT: u16 = 7;

fn client(n: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 1000 + n)
}

fn listen(wire: &mut Wire, backlog: usize) -> ListenerId {
    wire.core().listen((US, PORT).into(), backlog, HOST).expect("listens")
}

/// A SYN of `from`, and its answer.
fn knock(wire: &mut Wire, from: SocketAddrV4) -> Vec<Sent> {
    wire.send(from, syn(PORT, 100), &[]);
    wire.sent().into_iter().filter(|sent| sent.to == from).collect()
}

/// A whole handshake of `from`; its SYN,ACK.
fn enter(wire: &mut Wire, from: SocketAddrV4) -> Sent {
    let answer = knock(wire, from).pop().expect("answered");
    wire.send(from, ack_of(&answer, 101), &[]);
    answer
}

fn is_syn_ack(sent: &Sent) -> bool {
    sent.segment.flags == Flags::SYN | Flags::ACK
}

#[test]
fn the_accept_queue_holds_one_more_than_the_backlog() {
    let mut wire = Wire::new(|_| {});
    let listener = listen(&mut wire, 2);
    for n in 0..3 {
        enter(&mut wire, client(n));
    }
    assert!(knock(&mut wire, client(3)).is_empty(), "silence: the peer tries again");
    assert_eq!(wire.core().counters().listen_overflows, 1);
    assert!(wire.core().accept(listener).is_some());
    assert!(is_syn_ack(&knock(&mut wire, client(3))[0]));
}

#[test]
fn an_ack_that_finds_the_accept_queue_full_is_dropped_and_not_reset() {
    let mut wire = Wire::new(|_| {});
    let listener = listen(&mut wire, 1);
    let late = knock(&mut wire, client(9)).pop().expect("answered");
    for n in 0..2 {
        wire.send(client(n), syn(PORT, 100), &[]);
        let answer = wire.sent().pop().expect("answered");
        wire.send(client(n), ack_of(&answer, 101), &[]);
    }
    wire.send(client(9), ack_of(&late, 101), b"early");
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().counters().listen_overflows, 1);
    // Our SYN,ACK again, as if the ACK had been lost; and by then there is room.
    let _ = (wire.core().accept(listener), wire.core().accept(listener));
    wire.wait(Nanos::from_millis(1001));
    let again = wire.sent().into_iter().find(|sent| sent.to == client(9)).expect("sent again");
    assert!(is_syn_ack(&again));
    wire.send(client(9), ack_of(&again, 101), b"early");
    let id = wire.core().accept(listener).expect("accepted after all");
    let mut buf = [0; 8];
    assert_eq!(wire.core().recv(id, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"early");
}

//= rfc6191#3 RFC6191-3-1
#[test]
fn timestamps_of_a_pair_of_ends_go_on() {
    let mut wire = Wire::new(|_| {});
    listen(&mut wire, 2);
    let mut told = || {
        let mut offer = syn(PORT, 100);
        offer.options.timestamps = Some(Timestamps { val: 7, ecr: 0 });
        wire.send(client(0), offer, &[]);
        let answer = wire.sent().pop().expect("answered");
        let reset = Segment { flags: Flags::RST, ..ack_of(&answer, 101) };
        wire.send(client(0), reset, &[]);
        wire.wait(Nanos::from_secs(5));
        (answer.segment.seq, answer.segment.options.timestamps.expect("agreed on").val)
    };
    let (first, second) = (told(), told());
    assert_ne!(first.0, second.0, "another connection");
    assert_eq!(second.1.wrapping_sub(first.1), 5000, "milliseconds, as if it were one");
}

//= rfc4987#3.2 RFC4987-3.2-1
//= rfc4987#3.6 RFC4987-3.6-1
#[test]
fn a_full_syn_queue_is_answered_by_cookies() {
    let mut wire = Wire::new(|_| {});
    let listener = listen(&mut wire, 2);
    for n in 0..2 {
        assert!(is_syn_ack(&knock(&mut wire, client(n))[0]));
    }
    assert_eq!(wire.core().counters().syn_cookies_sent, 0);
    let cookie = knock(&mut wire, client(2)).pop().expect("a cookie");
    assert!(is_syn_ack(&cookie));
    assert_eq!((wire.core().counters().syn_cookies_sent, wire.core().sockets()), (1, 2));
    wire.send(client(2), ack_of(&cookie, 101), b"hello");
    let id = wire.core().accept(listener).expect("opened by its cookie");
    let mut buf = [0; 8];
    assert_eq!(wire.core().recv(id, &mut buf), Ok(5));
    wire.core().send(id, &[0; 3000]).expect("room");
    let reply: Vec<u32> = wire.sent().iter().map(|sent| sent.segment.payload_len).collect();
    assert_eq!(reply[..2], [1460, 1460], "the MSS came back");
    assert_eq!(wire.core().counters().syn_cookies_received, 1);
}

//= rfc4987#3.6 RFC4987-3.6-3
#[test]
fn a_cookie_carries_scale_sack_and_timestamps() {
    let mut wire = Wire::new(|config| config.recv_buffer = 16_384);
    let listener = listen(&mut wire, 1);
    let _ = knock(&mut wire, client(0));
    let mut asking = syn(PORT, 100);
    asking.options.window_scale = Some(7);
    asking.options.sack_permitted = true;
    asking.options.timestamps = Some(Timestamps { val: 5000, ecr: 0 });
    wire.send(client(1), asking, &[]);
    let cookie = wire.sent().pop().expect("a cookie");
    let options = cookie.segment.options;
    assert_eq!(cookie.segment.window, 16_384, "that of a SYN is never scaled");
    assert!(options.window_scale.is_some() && options.sack_permitted);
    let stamp = options.timestamps.expect("agreed");
    let mut answer = ack_of(&cookie, 101);
    answer.options.timestamps = Some(Timestamps { val: 5001, ecr: stamp.val });
    answer.window = 100;
    wire.send(client(1), answer, &[]);
    let id = wire.core().accept(listener).expect("opened by its cookie");
    wire.core().send(id, &[0; 20_000]).expect("room");
    let sent = wire.sent();
    let bytes: u32 = sent.iter().map(|sent| sent.segment.payload_len).sum();
    assert_eq!(bytes, 8 * 1448, "as many segments as a window of 100 << 7 bytes holds");
    let scale = options.window_scale.expect("offered");
    assert_eq!(u32::from(sent[0].segment.window) << scale, 16_384, "the edge stays where it is");
    let ts = sent[0].segment.options.timestamps.expect("agreed");
    assert_eq!(ts.ecr, 5001);
    assert!(SeqNum(ts.val).at_or_after(SeqNum(stamp.val)), "our clock does not go back");
    // A hole: it is reported by SACK.
    let held = Segment {
        seq: SeqNum(201),
        options: mafo_tcp::Options {
            timestamps: Some(Timestamps { val: 5002, ecr: ts.val }),
            ..Default::default()
        },
        ..ack_of(&cookie, 0)
    };
    wire.send(client(1), held, b"beyond a hole");
    assert_eq!(wire.sent().pop().expect("an ACK").segment.options.sack.len(), 1);
}

#[test]
fn an_ack_that_is_no_cookie_is_reset() {
    let mut wire = Wire::new(|_| {});
    listen(&mut wire, 1);
    let _ = knock(&mut wire, client(0));
    // No cookie has been given: nobody asks.
    let forged = Segment {
        seq: SeqNum(101),
        ack: SeqNum(1),
        dst_port: PORT,
        flags: Flags::ACK,
        ..Segment::default()
    };
    wire.send(client(1), forged, &[]);
    assert_eq!(wire.one().segment.flags, Flags::RST);
    assert_eq!(wire.core().counters().syn_cookies_failed, 0);
    let cookie = knock(&mut wire, client(1)).pop().expect("a cookie");
    wire.send(client(2), ack_of(&cookie, 101), &[]);
    assert_eq!(wire.one().segment.flags, Flags::RST, "another's cookie");
    assert_eq!(wire.core().counters().syn_cookies_failed, 1);
    wire.wait(Nanos::from_secs(200));
    let _ = wire.sent();
    wire.send(client(1), ack_of(&cookie, 101), &[]);
    assert_eq!(wire.one().segment.flags, Flags::RST, "too late");
}

#[test]
fn without_cookies_a_full_syn_queue_is_silent() {
    let mut wire = Wire::new(|config| config.syn_cookies = false);
    listen(&mut wire, 1);
    assert_eq!(knock(&mut wire, client(0)).len(), 1);
    assert!(knock(&mut wire, client(1)).is_empty());
    assert_eq!(wire.core().counters().syn_queue_drops, 1);
}

//= rfc4987#3.3 RFC4987-3.3-1
#[test]
fn half_a_handshake_is_forgotten_and_makes_room() {
    let mut wire = Wire::new(|config| config.syn_cookies = false);
    listen(&mut wire, 1);
    let _ = knock(&mut wire, client(0));
    let mut again = 0;
    for _ in 0..70 {
        wire.wait(Nanos::from_secs(1));
        again += wire.sent().iter().filter(|sent| is_syn_ack(sent)).count();
    }
    assert_eq!((again, wire.core().sockets()), (5, 0), "SYN,ACKs, and then the end");
    assert_eq!(knock(&mut wire, client(1)).len(), 1);
}

#[test]
fn what_is_no_syn_is_not_for_a_listener() {
    let mut wire = Wire::new(|_| {});
    listen(&mut wire, 4);
    let bare = |flags| Segment { flags, dst_port: PORT, seq: SeqNum(5), ..Segment::default() };
    for flags in [Flags::NONE, Flags::FIN, Flags::PSH | Flags::URG, Flags::SYN | Flags::FIN] {
        wire.send(client(0), bare(flags), &[]);
        assert!(wire.sent().is_empty(), "{flags:?}");
    }
    assert_eq!(wire.core().counters().listen_drop_flags, 4);
    wire.send(client(0), bare(Flags::RST), &[]);
    wire.send(client(0), bare(Flags::RST | Flags::SYN), &[]);
    assert!(wire.sent().is_empty(), "a reset is never answered");
    assert_eq!(wire.core().counters().rx_drop_reset, 2);
    wire.send(client(0), bare(Flags::SYN | Flags::ACK), &[]);
    assert_eq!(wire.one().segment.flags, Flags::RST);
    assert_eq!(wire.core().sockets(), 0);
}

//= rfc9293#3.9.2.3 MUST-63
#[test]
fn nobody_and_everybody_are_no_clients() {
    let mut wire = Wire::new(|_| {});
    listen(&mut wire, 64);
    let sources: [[u8; 4]; 6] = [
        [0, 0, 0, 0],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255, 255, 255, 255],
        [10, 77, 0, 255],
        US.octets(),
    ];
    for source in sources {
        wire.send(SocketAddrV4::new(source.into(), 1000), syn(PORT, 1), &[]);
        wire.send(SocketAddrV4::new(source.into(), 1000), syn(9, 1), &[]);
    }
    assert!(wire.sent().is_empty(), "neither a SYN,ACK nor a reset");
    assert_eq!(wire.core().counters().rx_bad_source, 12);
}

/// RFC 9293 MUST-46.
#[test]
fn nobody_and_everybody_are_no_servers() {
    let mut wire = Wire::new(|_| {});
    let targets: [[u8; 4]; 5] =
        [[0, 0, 0, 0], [127, 0, 0, 1], [239, 1, 2, 3], [255, 255, 255, 255], [10, 77, 0, 255]];
    for target in targets {
        let (now, remote) = (wire.now, SocketAddrV4::new(target.into(), 80).into());
        let refused = wire.core().connect(now, remote, None, HOST);
        assert_eq!(refused, Err(ConnectError::Unreachable(target.into())));
    }
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().sockets(), 0);
}

#[test]
fn a_new_incarnation_begins_behind_the_old_one() {
    let mut wire = Wire::new(|_| {});
    let listener = listen(&mut wire, 4);
    let first = enter(&mut wire, client(0));
    let id = wire.core().accept(listener).expect("accepted");
    // More bytes than the clock of initial numbers goes on by in the meantime.
    wire.core().send(id, &[0; 50_000]).expect("room");
    let mut sent = 1;
    while sent < 50_001 {
        let bytes: u32 = wire.sent().iter().map(|sent| sent.segment.payload_len).sum();
        sent += bytes;
        let ack = Segment { ack: first.segment.seq + sent, ..ack_of(&first, 101) };
        wire.send(client(0), ack, &[]);
    }
    let now = wire.now;
    wire.core().close(now, id);
    let fin = wire.one().segment;
    assert!(fin.flags.contains(Flags::FIN));
    let last = Segment { flags: Flags::FIN | Flags::ACK, ack: fin.seq + 1, ..ack_of(&first, 101) };
    wire.send(client(0), last, &[]);
    let _ = wire.sent();
    let reset = Segment { flags: Flags::RST, ..ack_of(&first, 102) };
    wire.send(client(0), reset, &[]);
    assert!(wire.sent().is_empty());
    assert_eq!(wire.core().counters().time_wait_resets, 1, "RFC 1337");
    wire.send(client(0), syn(PORT, 50), &[]);
    assert_eq!(wire.one().segment.flags, Flags::ACK, "an old SYN");
    wire.send(client(0), syn(PORT, 200), &[]);
    let second = wire.one().segment;
    assert_eq!(second.flags, Flags::SYN | Flags::ACK);
    assert!(second.seq.after(fin.seq + 65_535), "{:?} behind {:?}", second.seq, fin.seq);
}

/// Numbers of which each follows from the one before (a linear congruential generator; Knuth's factor).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// A hundred thousand SYNs from everywhere, and now and then somebody who means it.
//= rfc4987#3.6 RFC4987-3.6-1
//= rfc4987#3.2 RFC4987-3.2-1
#[test]
fn a_flood_of_syns_costs_no_memory_and_keeps_nobody_out() {
    let mut wire = Wire::new(|config| (config.sockets_max, config.syn_backlog_max) = (256, 64));
    let listener = listen(&mut wire, 128);
    let mut numbers = Numbers(0x5eed);
    let (mut answers, mut served) = (0, 0);
    for n in 0..100_000_u32 {
        let address = Ipv4Addr::from(0x2000_0000 | numbers.next() >> 4);
        let from = SocketAddrV4::new(address, numbers.next() as u16 | 1);
        wire.send(from, syn(PORT, numbers.next()), &[]);
        wire.now += Nanos::from_micros(20);
        answers += wire.sent().len();
        assert!(wire.core().sockets() <= 64 + 1, "{} sockets", wire.core().sockets());
        if n % 1000 == 999 {
            let from = client((n / 1000) as u16);
            let answer = knock(&mut wire, from).pop().expect("answered");
            let forged = Segment { ack: answer.segment.seq + 2, ..ack_of(&answer, 101) };
            wire.send(from, forged, b"x");
            wire.send(from, ack_of(&answer, 101), b"real");
            let id = wire.core().accept(listener).expect("got in");
            let mut buf = [0; 8];
            assert_eq!(wire.core().recv(id, &mut buf), Ok(4));
            assert_eq!(&buf[..4], b"real");
            let now = wire.now;
            wire.core().abort(now, id);
            assert_eq!(wire.core().recv(id, &mut buf), Err(SocketError::NoSuchSocket));
            served += 1;
        }
    }
    assert_eq!(served, 100);
    assert!(answers >= 100_000, "each SYN is answered: {answers}");
    let counters = wire.core().counters();
    assert!(counters.syn_cookies_sent > 99_000, "{counters:?}");
    assert_eq!(counters.syn_cookies_received, 100);
    assert_eq!(counters.syn_cookies_failed, 100);
}

/// A listener that wants connections only with something to read, within `seconds`.
fn listen_deferred(wire: &mut Wire, seconds: u64) -> ListenerId {
    let options = Options { defer_accept: Some(Nanos::from_secs(seconds)), ..HOST };
    wire.core().listen((US, PORT).into(), 8, options).expect("listens")
}

/// Lets time pass in steps of 100 ms, and says how often something left.
fn pass(wire: &mut Wire, millis: u64) -> usize {
    let mut sent = 0;
    for _ in 0..millis / 100 {
        wire.wait(Nanos::from_millis(100));
        sent += wire.sent().len();
    }
    sent
}

#[test]
fn a_deferred_connection_is_accepted_with_its_first_bytes() {
    let mut wire = Wire::new(|_| {});
    let listener = listen_deferred(&mut wire, 5);
    let syn_ack = knock(&mut wire, client(1)).remove(0);
    let bare = ack_of(&syn_ack, 101);
    wire.send(client(1), bare, &[]);
    assert_eq!(wire.core().accept(listener), None, "nothing to read");
    assert_eq!(pass(&mut wire, 2500), 0, "the SYN,ACK is known to have arrived");
    wire.send(client(1), bare, &[]);
    assert_eq!(wire.core().accept(listener), None);
    assert_eq!(wire.core().counters().listen_deferred, 2);
    wire.send(client(1), bare, b"hello");
    let id = wire.core().accept(listener).expect("something to read");
    assert_eq!(wire.core().recv(id, &mut [0; 9]), Ok(5));
}

#[test]
fn a_deferred_connection_is_accepted_without_bytes_when_the_time_is_over() {
    let mut wire = Wire::new(|_| {});
    let listener = listen_deferred(&mut wire, 3);
    let syn_ack = knock(&mut wire, client(1)).remove(0);
    let bare = ack_of(&syn_ack, 101);
    wire.send(client(1), bare, &[]);
    assert_eq!(pass(&mut wire, 2900), 0, "timeouts after 1 s");
    assert_eq!(pass(&mut wire, 200), 1, "and after 3 s, when another ACK will do");
    wire.send(client(1), bare, &[]);
    assert!(wire.core().accept(listener).is_some());
}

#[test]
fn a_deferred_connection_whose_ack_was_lost_is_asked_again() {
    let mut wire = Wire::new(|_| {});
    listen_deferred(&mut wire, 60);
    knock(&mut wire, client(1));
    assert_eq!(pass(&mut wire, 3100), 2, "after 1 and 3 s");
}

#[test]
fn half_a_handshake_of_a_closed_listener_is_forgotten_and_what_follows_reset() {
    let mut wire = Wire::new(|_| {});
    let listener = listen(&mut wire, 8);
    let syn_ack = knock(&mut wire, client(1)).remove(0);
    let now = wire.now;
    wire.core().close_listener(now, listener);
    assert_eq!(pass(&mut wire, 3000), 0, "nothing is said, nor the SYN,ACK sent again");
    wire.send(client(1), ack_of(&syn_ack, 101), b"hello");
    let reset = wire.one().segment;
    assert_eq!((reset.flags, reset.seq), (Flags::RST, syn_ack.segment.seq + 1));
}
