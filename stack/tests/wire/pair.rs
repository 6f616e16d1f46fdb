//! Two stacks on one cable, their TCP on the host path, under a clock of their own.

use std::net::{Ipv4Addr, SocketAddr};

use mafo_mem::Nanos;
use mafo_pmd::TxState;
use mafo_pmd::eal::dma::Arena;
use mafo_stack::packet::{self, Packet};
use mafo_stack::{
    ConnectionError, Event, ListenError, Options, PathChoice, Readiness, SocketError, SocketId,
    Stack, StackConfig,
};

use crate::cable::{End, Lane};

struct Net {
    stacks: [Stack; 2],
    lanes: [Lane; 2],
    now: Nanos,
}

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 1)];
const HOST: Options = Options::on(PathChoice::Host);

fn net() -> Net {
    let lanes: [Lane; 2] = Default::default();
    let stack = |n: usize| {
        let mac = [2, 0, 0, 0, 0, n as u8];
        let mut config = StackConfig::new(ADDRESSES[n], 24, mac);
        config.sockets_max = 8;
        config.secret = [n as u8 + 1; 16];
        let arena = Arena::ordinary(8 << 20).expect("memory");
        let mut stack = Stack::new(config, arena);
        let (tx, rx) = (lanes[n].clone(), lanes[1 - n].clone());
        stack.add_port(Box::new(End { mac, tx, rx }));
        stack
    };
    Net { stacks: [stack(0), stack(1)], lanes: lanes.clone(), now: Nanos::from_secs(1) }
}

fn at(n: usize, port: u16) -> SocketAddr {
    (ADDRESSES[n], port).into()
}

impl Net {
    fn step(&mut self) {
        for stack in &mut self.stacks {
            stack.poll(self.now);
        }
        self.now += Nanos::from_micros(50);
    }

    fn events(&mut self, n: usize) -> Vec<Event> {
        std::iter::from_fn(|| self.stacks[n].core_mut().poll_event()).collect()
    }

    /// Steps until `n` accepted a connection, and returns both ends.
    fn open(&mut self) -> (SocketId, SocketId) {
        let listener = self.stacks[1].core_mut().listen(at(1, 7), 4, HOST).expect("listens");
        let client =
            self.stacks[0].core_mut().connect(self.now, at(1, 7), None, HOST).expect("opens");
        for _ in 0..100_000 {
            self.step();
            if let Some(server) = self.stacks[1].core_mut().accept(listener) {
                return (client, server);
            }
        }
        panic!("nothing to accept after {:?}", self.now)
    }
}

fn pattern(offset: usize) -> u8 {
    (offset * 7 + offset / 251) as u8
}

/// Sends `len` bytes each way, closes both ends, and checks every byte.
fn transfer(net: &mut Net, ends: [SocketId; 2], len: usize) {
    let (mut sent, mut received, mut eof) = ([0; 2], [0; 2], [false; 2]);
    let mut buf = vec![0; 10_000];
    for _ in 0..4_000_000 {
        net.step();
        for n in 0..2 {
            let core = net.stacks[n].core_mut();
            if sent[n] < len {
                let chunk: Vec<u8> = (sent[n]..len.min(sent[n] + 5000)).map(pattern).collect();
                match core.send(ends[n], &chunk) {
                    Ok(k) => sent[n] += k,
                    Err(e) => assert_eq!(e, SocketError::WouldBlock),
                }
                if sent[n] == len {
                    core.shutdown(ends[n]).expect("open");
                }
            }
            match core.recv(ends[n], &mut buf) {
                Ok(0) => eof[n] = true,
                Ok(k) => {
                    for (i, &byte) in buf[..k].iter().enumerate() {
                        assert_eq!(
                            byte,
                            pattern(received[n] + i),
                            "byte {} at {n}",
                            received[n] + i
                        );
                    }
                    received[n] += k;
                }
                Err(e) => assert_eq!(e, SocketError::WouldBlock, "at {n}"),
            }
        }
        if eof == [true; 2] {
            assert_eq!(received, [len; 2]);
            return;
        }
    }
    panic!("not through after {:?}: sent {sent:?} received {received:?}", net.now)
}

//= rfc9293#3.1 MUST-2
#[test]
fn a_connection_carries_bytes_both_ways_and_leaves_nothing_behind() {
    let mut net = net();
    let (client, server) = net.open();
    transfer(&mut net, [client, server], 1 << 20);
    let now = net.now;
    net.stacks[0].core_mut().close(now, client);
    net.stacks[1].core_mut().close(now, server);
    for _ in 0..2000 {
        net.step();
    }
    for n in 0..2 {
        assert_eq!(net.stacks[n].core().sockets(), 0, "sockets of {n}");
        assert_eq!(net.stacks[n].core().counters().rx_malformed, 0);
        assert_eq!(net.stacks[n].core().counters().tx_resets, 0);
    }
}

/// A burst of segments is taken as one, one of which a byte is wrong is not, and what is sent again is whole.
#[test]
fn a_burst_of_one_connection_is_taken_as_one() {
    let mut net = net();
    let (client, server) = net.open();
    net.step();
    let sent: Vec<u8> = (0..9 * 1448).map(pattern).collect();
    let mut received = vec![0; sent.len()];
    for damaged in [false, true] {
        let before = (*net.stacks[1].core().counters(), *net.stacks[1].core().tcp_counters());
        assert_eq!(net.stacks[0].core_mut().send(client, &sent), Ok(sent.len()));
        net.stacks[0].poll(net.now);
        let mut frames: Vec<_> = std::iter::from_fn(|| net.lanes[0].pop()).collect();
        assert_eq!(frames.len(), 9);
        if damaged {
            frames[4][100] ^= 1;
        }
        frames.into_iter().for_each(|frame| net.lanes[0].push(frame));
        net.stacks[1].poll(net.now);
        let after = (net.stacks[1].core().counters(), net.stacks[1].core().tcp_counters());
        let joined = after.0.rx_joined - before.0.rx_joined;
        let segments = after.1.rx_segments - before.1.rx_segments;
        let bad = after.0.rx_csum_bad - before.0.rx_csum_bad;
        // In two parts, since a sender ends what it sends at a time with PSH now and then; frame by frame there are eight good ones.
        assert_eq!((joined, segments, bad), if damaged { (0, 8, 1) } else { (7, 2, 0) });
        let mut read = 0;
        for _ in 0..20_000 {
            net.step();
            read += net.stacks[1].core_mut().recv(server, &mut received[read..]).unwrap_or(0);
            if read == sent.len() {
                break;
            }
        }
        assert_eq!(received, sent);
        for _ in 0..100 {
            net.step();
        }
    }
}

/// What is made up in place, and read where it lies, is the same stream; no piece is longer than there is room for.
#[test]
fn bytes_are_made_up_and_read_in_place() {
    let mut net = net();
    let (client, server) = net.open();
    let (len, mut made, mut seen, mut two_pieces) = (1 << 20, 0, 0, false);
    while seen < len {
        net.step();
        let core = net.stacks[0].core_mut();
        let (room, before) = (core.send_room(client), made);
        let sent = core.send_in_place(client, len - made, |piece| {
            for byte in piece {
                *byte = pattern(made);
                made += 1;
            }
        });
        match sent {
            Ok(n) => assert_eq!((n, n), (made - before, room.min(len - before))),
            Err(e) => assert_eq!((e, room), (SocketError::WouldBlock, 0)),
        }
        let (mut pieces, before) = (0, seen);
        // Less than there is at times, so that the ring does not run empty.
        let read = net.stacks[1].core_mut().recv_in_place(server, 9000, |piece| {
            pieces += 1;
            for &byte in piece {
                assert_eq!(byte, pattern(seen), "byte {seen}");
                seen += 1;
            }
        });
        assert_eq!(read.unwrap_or(0), seen - before);
        two_pieces |= pieces == 2;
    }
    assert!(two_pieces, "the receiver's ring wrapped while something was in it");
    let core = net.stacks[0].core_mut();
    assert_eq!(core.send_in_place(client, 0, |_| unreachable!("nothing is asked for")), Ok(0));
    core.shutdown(client).expect("open");
    let shut = core.send_in_place(client, 1, |_| unreachable!("nobody would send it"));
    assert_eq!(shut, Err(SocketError::Shutdown));
    net.step();
    net.step();
    let end = net.stacks[1].core_mut().recv_in_place(server, 1, |_| unreachable!("the end"));
    assert_eq!(end, Ok(0));
}

#[test]
fn what_a_full_link_does_not_take_leaves_when_it_does_and_counts_as_no_loss() {
    let mut net = net();
    let (client, server) = net.open();
    net.lanes[0].set_state(TxState::Full);
    let before = *net.stacks[0].core().tcp_counters();
    net.stacks[0].core_mut().send(client, &[1; 3000]).expect("room");
    for _ in 0..100 {
        net.now += Nanos::from_millis(100);
        net.step();
    }
    let held = *net.stacks[0].core().tcp_counters();
    assert_eq!(held, before, "nothing was sent, and nothing timed out");
    assert_eq!(net.stacks[0].core().counters().tx_dropped, 0);
    net.lanes[0].set_state(TxState::Ready);
    let mut received = 0;
    for _ in 0..100 {
        net.step();
        received += net.stacks[1].core_mut().recv(server, &mut [0; 3000]).unwrap_or(0);
    }
    assert_eq!(received, 3000);
    assert_eq!(net.stacks[0].core().tcp_counters().retransmits, 0);
}

/// Whoever drives a stack may have looked at its clock a while ago, and have polled it with a later time since.
#[test]
fn timestamps_stand_still_where_the_clock_goes_back() {
    let mut net = net();
    let (client, _) = net.open();
    net.step();
    let start = net.now;
    let mut stamps = Vec::new();
    for (turn, millis) in [20, 5, 10, 25].into_iter().enumerate() {
        let now = start + Nanos::from_millis(millis);
        let stack = &mut net.stacks[0];
        if turn % 2 == 0 {
            stack.poll(now);
        }
        assert_eq!(stack.core_mut().send(client, &[0; 1448]), Ok(1448));
        if turn < 2 {
            stack.core_mut().kick(now);
        } else {
            stack.poll(now);
        }
        while let Some(frame) = net.lanes[0].pop() {
            let Ok(Packet::Tcp(_, tcp)) = packet::parse(&frame) else { continue };
            // NOP, NOP, timestamps.
            assert_eq!(tcp[20..24], [1, 1, 8, 10]);
            stamps.push(u32::from_be_bytes([tcp[24], tcp[25], tcp[26], tcp[27]]));
        }
    }
    let since = stamps.iter().map(|stamp| stamp - stamps[0]).collect::<Vec<_>>();
    assert_eq!(since, [0, 0, 0, 5]);
}

#[test]
fn loss_in_both_directions_costs_time_and_no_byte() {
    let mut net = net();
    let (client, server) = net.open();
    net.lanes[0].lose_every(13);
    net.lanes[1].lose_every(17);
    transfer(&mut net, [client, server], 300_000);
}

#[test]
fn a_port_that_nobody_listens_on_refuses() {
    let mut net = net();
    let id = net.stacks[0].core_mut().connect(net.now, at(1, 9), None, HOST).expect("opens");
    for _ in 0..1000 {
        net.step();
    }
    let events = net.events(0);
    assert_eq!(events, [Event::Socket(id, Readiness::ERROR | Readiness::READABLE)]);
    let refused = SocketError::Connection(ConnectionError::Refused);
    assert_eq!(net.stacks[0].core_mut().send(id, b"x"), Err(refused));
    assert_eq!(net.stacks[1].core().counters().tx_resets, 1);
}

#[test]
fn nobody_at_the_address_is_unreachable() {
    let mut net = net();
    let nobody: SocketAddr = ([10, 77, 0, 99], 7).into();
    let id = net.stacks[0].core_mut().connect(net.now, nobody, None, HOST).expect("opens");
    net.now += Nanos::from_millis(1);
    for _ in 0..6 {
        net.step();
        net.now += Nanos::from_millis(300);
    }
    assert_eq!(
        net.stacks[0].core_mut().recv(id, &mut [0; 8]),
        Err(SocketError::Connection(ConnectionError::Unreachable))
    );
}

#[test]
fn what_was_written_while_the_next_hop_was_unknown_arrives() {
    let mut net = net();
    let listener = net.stacks[1].core_mut().listen(at(1, 7), 4, HOST).expect("listens");
    let id = net.stacks[0].core_mut().connect(net.now, at(1, 7), Some(4000), HOST).expect("opens");
    assert_eq!(net.stacks[0].core_mut().send(id, b"early"), Ok(5));
    net.stacks[0].core_mut().shutdown(id).expect("open");
    let mut buf = [0; 16];
    for _ in 0..10_000 {
        net.step();
        let core = net.stacks[1].core_mut();
        if let Some(server) = core.accept(listener) {
            assert_eq!(core.tuple(server).expect("socket").remote, at(0, 4000));
            for _ in 0..1000 {
                net.step();
            }
            assert_eq!(net.stacks[1].core_mut().recv(server, &mut buf), Ok(5));
            assert_eq!(&buf[..5], b"early");
            assert_eq!(net.stacks[1].core_mut().recv(server, &mut buf), Ok(0));
            return;
        }
    }
    panic!("not accepted")
}

#[test]
fn a_backlog_holds_what_it_says_and_then_syns_are_dropped() {
    let mut net = net();
    let listener = net.stacks[1].core_mut().listen(at(1, 7), 2, HOST).expect("listens");
    for _ in 0..4 {
        net.stacks[0].core_mut().connect(net.now, at(1, 7), None, HOST).expect("opens");
    }
    for _ in 0..1000 {
        net.step();
    }
    let accepted = std::iter::from_fn(|| net.stacks[1].core_mut().accept(listener)).count();
    assert!((2..=4).contains(&accepted), "{accepted} accepted of a backlog of 2");
    let dropped = net.stacks[1].core().counters().listen_overflows;
    assert!(accepted == 4 || dropped > 0, "{accepted} accepted, {dropped} dropped");
}

//= rfc9293#3.8.5 MUST-32 MUST-33
#[test]
fn urgent_bytes_are_told_and_read_in_line() {
    let mut net = net();
    let (client, server) = net.open();
    let _ = net.events(1);
    net.stacks[0].core_mut().send(client, b"before").expect("room");
    net.stacks[0].core_mut().send_urgent(client, b"now!").expect("room");
    net.stacks[0].core_mut().send(client, b"after").expect("room");
    for _ in 0..1000 {
        net.step();
    }
    let told = net.events(1).into_iter().any(|event| {
        matches!(event, Event::Socket(id, news) if id == server && news.contains(Readiness::URGENT))
    });
    assert!(told, "the application hears of it");
    let core = net.stacks[1].core_mut();
    assert_eq!(core.urgent_left(server), 10);
    let mut buf = [0; 16];
    assert_eq!(core.recv(server, &mut buf[..7]), Ok(7));
    assert_eq!(core.urgent_left(server), 3);
    assert_eq!(core.recv(server, &mut buf[7..]), Ok(8));
    assert_eq!((&buf[..15], core.urgent_left(server)), (&b"beforenow!after"[..], 0));
}

#[test]
fn a_port_in_use_is_named() {
    let mut net = net();
    let core = net.stacks[0].core_mut();
    core.listen(at(0, 7), 1, HOST).expect("listens");
    let any: SocketAddr = ([0, 0, 0, 0], 7).into();
    assert_eq!(core.listen(any, 1, HOST), Err(ListenError::AddrInUse(any)));
    assert_eq!(
        core.listen(at(1, 8), 1, HOST),
        Err(ListenError::AddrNotAvailable(ADDRESSES[1].into()))
    );
    assert_eq!(core.listen("[::]:8".parse().expect("address"), 1, HOST), Err(ListenError::Ipv6));
}

//= rfc9293#3.6.1 SHLD-3 MAY-1
//= rfc9293#3.6 MUST-12
#[test]
fn closing_with_unread_bytes_resets() {
    let mut net = net();
    let (client, server) = net.open();
    net.stacks[0].core_mut().send(client, b"never read").expect("room");
    for _ in 0..1000 {
        net.step();
    }
    let now = net.now;
    net.stacks[1].core_mut().close(now, server);
    for _ in 0..1000 {
        net.step();
    }
    let reset = SocketError::Connection(ConnectionError::Reset);
    assert_eq!(net.stacks[0].core_mut().recv(client, &mut [0; 8]), Err(reset));
    assert_eq!(net.stacks[1].core().sockets(), 0);
}

/// The peer never closes: without a limit its silence would cost a socket for ever.
#[test]
fn a_connection_that_nobody_holds_is_reset_when_the_peer_does_not_close() {
    let mut net = net();
    let (client, _server) = net.open();
    let now = net.now;
    net.stacks[0].core_mut().close(now, client);
    let end = now + Nanos::from_secs(59);
    while net.now < end {
        net.step();
        net.now += Nanos::from_millis(20);
    }
    assert_eq!(net.stacks[0].core().sockets(), 1, "the FIN is acknowledged, the peer's not there");
    let end = now + Nanos::from_secs(61);
    while net.now < end {
        net.step();
        net.now += Nanos::from_millis(20);
    }
    assert_eq!(net.stacks[0].core().sockets(), 0);
    assert_eq!(net.stacks[0].core().counters().fin_timeouts, 1);
    let error = net.events(1).into_iter().find_map(|event| match event {
        Event::Socket(id, readiness) if readiness.contains(Readiness::ERROR) => Some(id),
        _ => None,
    });
    assert!(error.is_some(), "the peer hears of it by a reset");
}

/// CUBIC unless somebody says otherwise, on both sides.
#[test]
fn congestion_control_is_chosen_per_socket() {
    use mafo_stack::CongestionControl::{Cubic, HighSpeed};
    let mut net = net();
    let (client, server) = net.open();
    assert_eq!(net.stacks[0].core().congestion(client), Ok(Some(Cubic)));
    assert_eq!(net.stacks[1].core().congestion(server), Ok(Some(Cubic)));
    let chosen = Options { congestion: Some(HighSpeed), ..HOST };
    let listener = net.stacks[1].core_mut().listen(at(1, 8), 4, chosen).expect("listens");
    let client = net.stacks[0].core_mut().connect(net.now, at(1, 8), None, chosen).expect("opens");
    for _ in 0..100 {
        net.step();
    }
    let server = net.stacks[1].core_mut().accept(listener).expect("open");
    assert_eq!(net.stacks[0].core().congestion(client), Ok(Some(HighSpeed)));
    assert_eq!(net.stacks[1].core().congestion(server), Ok(Some(HighSpeed)));
}
