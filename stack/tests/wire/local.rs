//! Connections whose both ends are here.

use std::net::SocketAddr;

use mafo_mem::Nanos;
use mafo_stack::{ConnectError, ConnectionError, Options, PathChoice, SocketError, SocketId};

use crate::rig::{HOST, US, Wire};

const OFFLOAD: Options = Options::on(PathChoice::Offload);

fn us(port: u16) -> SocketAddr {
    (US, port).into()
}

/// Without any time: no timer has a part in it.
fn at_once(wire: &mut Wire) {
    wire.wait(Nanos::ZERO);
}

fn open(wire: &mut Wire, options: Options) -> [SocketId; 2] {
    let now = wire.now;
    let listener = wire.core().listen(us(7), 4, options).expect("listens");
    let client = wire.core().connect(now, us(7), None, options).expect("opens");
    at_once(wire);
    let server = wire.core().accept(listener).expect("accepted");
    wire.core().close_listener(now, listener);
    [client, server]
}

/// Each sends `len` bytes and finishes, and reads what the other has sent.
fn talk(wire: &mut Wire, ends: [SocketId; 2], len: usize) {
    let byte = |end: usize, at: usize| (at % 251 + 3 * end) as u8;
    let (mut sent, mut read, mut eof) = ([0; 2], [0; 2], [false; 2]);
    let mut buf = vec![0; 30_000];
    for _ in 0..10_000 {
        for (n, &id) in ends.iter().enumerate() {
            let bytes: Vec<u8> =
                (sent[n]..len.min(sent[n] + 20_000)).map(|at| byte(n, at)).collect();
            match wire.core().send(id, &bytes) {
                Ok(taken) if !bytes.is_empty() => {
                    sent[n] += taken;
                    if sent[n] == len {
                        wire.core().shutdown(id).expect("open");
                    }
                }
                Ok(_) | Err(SocketError::WouldBlock) => {}
                Err(_) if sent[n] == len => {}
                Err(error) => panic!("{error}"),
            }
            match wire.core().recv(id, &mut buf) {
                Ok(0) => eof[n] = true,
                Ok(got) => {
                    let right = buf[..got]
                        .iter()
                        .enumerate()
                        .all(|(at, &b)| b == byte(1 - n, read[n] + at));
                    assert!(right, "end {n} behind {}", read[n]);
                    read[n] += got;
                }
                Err(SocketError::WouldBlock) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if eof == [true; 2] {
            assert_eq!(read, [len; 2]);
            return;
        }
        wire.wait(Nanos::from_micros(50));
    }
    panic!("{sent:?} {read:?} {eof:?}");
}

#[test]
fn both_ends_are_here() {
    for options in [HOST, OFFLOAD] {
        let mut wire = Wire::new(|_| {});
        let ends = open(&mut wire, options);
        talk(&mut wire, ends, 700_000);
        let now = wire.now;
        ends.into_iter().for_each(|id| wire.core().close(now, id));
        wire.wait(Nanos::from_secs(120));
        assert_eq!(wire.core().sockets(), 0);
        let counters = *wire.core().counters();
        assert!(counters.loopback_frames > 900, "{counters:?}");
        assert_eq!((counters.tx_frames, counters.arp_requests), (0, 0), "{counters:?}");
        assert!(wire.sent().is_empty());
    }
}

#[test]
fn nobody_listens_here() {
    let mut wire = Wire::new(|_| {});
    let now = wire.now;
    let id = wire.core().connect(now, us(9), None, OFFLOAD).expect("opens");
    at_once(&mut wire);
    let refused = SocketError::Connection(ConnectionError::Refused);
    assert_eq!(wire.core().recv(id, &mut [0; 8]), Err(refused));
    wire.core().close(now, id);
    assert_eq!(wire.core().sockets(), 0);
    assert!(wire.sent().is_empty());
}

#[test]
fn the_one_end_resets_the_other() {
    let mut wire = Wire::new(|_| {});
    let [client, server] = open(&mut wire, HOST);
    let now = wire.now;
    wire.core().abort(now, client);
    at_once(&mut wire);
    let reset = SocketError::Connection(ConnectionError::Reset);
    assert_eq!(wire.core().recv(server, &mut [0; 8]), Err(reset));
    wire.core().close(now, server);
    assert_eq!(wire.core().sockets(), 0);
}

/// One socket cannot be both ends, nor can two be that have the same two ports the other way round.
#[test]
fn a_connection_does_not_meet_itself() {
    let mut wire = Wire::new(|_| {});
    let [client, _] = open(&mut wire, HOST);
    let now = wire.now;
    let tuple = wire.core().tuple(client).expect("made");
    let taken = [(us(9), 9), (tuple.local, 7)];
    for (remote, port) in taken {
        let refused = wire.core().connect(now, remote, Some(port), HOST);
        assert_eq!(refused, Err(ConnectError::AddrInUse(remote)));
    }
}

/// All at once send more than waits: what is lost of it is sent again.
#[test]
fn what_finds_no_room_is_sent_again() {
    const COUNT: usize = 120;
    const LEN: usize = 14_000;
    let mut wire = Wire::new(|config| {
        config.sockets_max = 2 * COUNT as u32 + 8;
        config.send_buffer = 32 << 10;
    });
    let now = wire.now;
    let listener = wire.core().listen(us(7), COUNT, HOST).expect("listens");
    let clients: Vec<SocketId> =
        (0..COUNT).map(|_| wire.core().connect(now, us(7), None, HOST).expect("opens")).collect();
    at_once(&mut wire);
    let servers: Vec<SocketId> =
        (0..COUNT).map(|_| wire.core().accept(listener).expect("accepted")).collect();
    for &id in &clients {
        assert_eq!(wire.core().send(id, &[7; LEN]), Ok(LEN));
    }
    wire.wait(Nanos::from_secs(10));
    assert!(wire.core().counters().loopback_dropped > 0);
    for id in servers {
        let mut buf = vec![0; 2 * LEN];
        assert_eq!(wire.core().recv(id, &mut buf), Ok(LEN));
    }
}
