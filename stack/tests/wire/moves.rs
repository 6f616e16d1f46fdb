//! Connections that their application moves from lcore to lcore.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use mafo_mem::Nanos;
use mafo_stack::packet::{self, Packet};
use mafo_stack::{
    Core, Event, FourTuple, ListenerId, MoveError, Options, PathChoice, SocketError, SocketId,
};
use mafo_tcp::Segment;

use crate::shards::{HOST, Net, PEER, PORT, US, net_of, net_with};

const LCORES: usize = 3;
const BYTES: usize = 1_000_000;

fn byte(at: usize) -> u8 {
    (at * 7 + at / 253) as u8
}

/// One end of a connection: what it sends is what it is sent.
struct End {
    id: SocketId,
    sent: usize,
    received: usize,
}

impl End {
    fn new(id: SocketId) -> Self {
        Self { id, sent: 0, received: 0 }
    }

    fn turn(&mut self, core: &mut Core) {
        let piece: Vec<u8> = (self.sent..BYTES.min(self.sent + 5000)).map(byte).collect();
        match core.send(self.id, &piece) {
            Ok(bytes) => self.sent += bytes,
            Err(error) => assert_eq!(error, SocketError::WouldBlock),
        }
        let mut buf = [0; 5000];
        match core.recv(self.id, &mut buf) {
            Ok(bytes) => {
                for (n, &got) in buf[..bytes].iter().enumerate() {
                    assert_eq!(got, byte(self.received + n), "at {}", self.received + n);
                }
                self.received += bytes;
            }
            Err(error) => assert_eq!(error, SocketError::WouldBlock),
        }
    }

    fn is_through(&self) -> bool {
        self.sent == BYTES && self.received == BYTES
    }
}

/// A connection of the peer's, accepted by its owner.
struct Open {
    client: SocketId,
    server: SocketId,
    owner: usize,
    tuple: FourTuple,
}

fn listen(net: &mut Net) -> Vec<ListenerId> {
    let at = SocketAddr::from((US, PORT));
    (0..net.lcores.len()).map(|n| net.core(n).listen(at, 64, HOST).expect("listens")).collect()
}

fn open(net: &mut Net, listeners: &[ListenerId], port: u16) -> Open {
    let (now, owner) = (net.now, net.owner(port));
    let at = SocketAddr::from((US, PORT));
    let client = net.peer.core_mut().connect(now, at, Some(port), HOST).expect("opens");
    net.steps(20);
    let server = net.core(owner).accept(listeners[owner]).expect("a connection");
    let tuple = net.core(owner).tuple(server).expect("open");
    assert_eq!(tuple.remote, SocketAddr::from((PEER, port)));
    Open { client, server, owner, tuple }
}

/// The connection that has come to `lcore` with this token.
fn arrived(net: &mut Net, lcore: usize, token: u64) -> Option<SocketId> {
    let core = net.core(lcore);
    std::iter::from_fn(|| core.poll_event()).find_map(|event| match event {
        Event::Arrived(id, told) => {
            assert_eq!(told, token);
            Some(id)
        }
        Event::Socket(..) | Event::Incoming(_) => None,
    })
}

/// The peer's stream and ours, while the connection goes from lcore to lcore; where it is in the end.
fn wander(net: &mut Net, open: &Open, lose_every: u64) -> (usize, SocketId) {
    let (mut near, mut far) = (End::new(open.server), End::new(open.client));
    let (mut at, mut token, mut draw) = (open.owner, 0, 12_345_u32);
    let mut under_way = false;
    net.to_us.lose_every(lose_every);
    for turn in 0..200_000 {
        net.step();
        far.turn(net.peer.core_mut());
        if under_way && let Some(id) = arrived(net, at, token) {
            (near.id, under_way) = (id, false);
        }
        if !under_way {
            near.turn(net.core(at));
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if (draw >> 16).is_multiple_of(7) {
                let to = (at + 1 + (draw >> 24) as usize % (LCORES - 1)) % LCORES;
                token += 1;
                net.core(at).move_to_lcore(near.id, to, token).expect("it is open");
                assert_eq!(net.core(at).recv(near.id, &mut [0]), Err(SocketError::NoSuchSocket));
                (at, under_way) = (to, true);
            } else if near.is_through() && far.is_through() {
                assert!(token > 20, "{token} moves in {turn} turns");
                net.to_us.lose_every(0);
                return (at, near.id);
            }
        }
    }
    panic!("not through: {} and {} after {token} moves", near.received, far.received)
}

fn sum(net: &Net, of: impl Fn(&mafo_stack::Counters) -> u64) -> u64 {
    net.lcores.iter().map(|lcore| of(lcore.core().counters())).sum()
}

#[test]
fn streams_go_on_while_their_connection_moves() {
    for lose_every in [0, 11] {
        let mut net = net_of(LCORES);
        let listeners = listen(&mut net);
        for port in 20_000..20_004 {
            let open = open(&mut net, &listeners, port);
            wander(&mut net, &open, lose_every);
        }
        assert_eq!(sum(&net, |c| c.tx_resets) + net.peer.core().counters().tx_resets, 0);
        assert_eq!(sum(&net, |c| c.moved_out), sum(&net, |c| c.moved_in));
        if lose_every == 0 {
            let retransmits = net.peer.core().tcp_counters().retransmits;
            assert_eq!(
                (retransmits, sum(&net, |c| c.passed_on_dropped)),
                (0, 0),
                "no frame is lost by a move"
            );
        }
    }
}

/// Ends a connection that is with `at`, from its `near` end or from the peer's first, and opens it anew.
fn end(
    net: &mut Net,
    listeners: &[ListenerId],
    open: &Open,
    (at, id): (usize, SocketId),
    near: bool,
) {
    let now = net.now;
    let close_near = |net: &mut Net| net.core(at).close(now, id);
    if near {
        close_near(net);
        net.steps(1000);
    }
    net.peer.core_mut().close(now, open.client);
    net.steps(1000);
    if !near {
        close_near(net);
    }
    net.steps(1000);
    for lcore in 0..LCORES {
        let rests = net.core(lcore).is_in_time_wait(&open.tuple);
        assert_eq!(rests, near && lcore == open.owner, "lcore {lcore} of {}", open.owner);
    }
    if !near {
        return;
    }
    // By a SYN that begins behind it the connection comes again (RFC 9293, 3.6.1), where its owner is.
    let again = self::open(net, listeners, open.tuple.remote.port());
    assert_eq!(again.owner, open.owner);
}

#[test]
fn what_is_left_of_a_connection_is_its_owners() {
    for near in [true, false] {
        let mut net = net_of(LCORES);
        let listeners = listen(&mut net);
        for port in 20_000..20_008 {
            let open = open(&mut net, &listeners, port);
            let to = (open.owner + 1 + usize::from(port) % 2) % LCORES;
            net.core(open.owner).move_to_lcore(open.server, to, 5).expect("open");
            net.steps(2);
            let id = arrived(&mut net, to, 5).expect("it has come");
            end(&mut net, &listeners, &open, (to, id), near);
        }
        assert_eq!(sum(&net, |c| c.tx_resets) + net.peer.core().counters().tx_resets, 0);
    }
}

#[test]
fn what_stays_says_why() {
    let mut net = net_of(LCORES);
    let listeners = listen(&mut net);
    let Open { client, server, owner, .. } = open(&mut net, &listeners, 20_000);
    let port = (20_001..).find(|&port| net.owner(port) == owner).expect("every third");
    let closed = open(&mut net, &listeners, port);
    let (now, other) = (net.now, (owner + 1) % LCORES);
    for lcore in [owner, LCORES] {
        let refused = MoveError::NoOtherLcore { lcore, lcores: LCORES };
        assert_eq!(net.core(owner).move_to_lcore(server, lcore, 0), Err(refused));
    }
    let refuses = |net: &mut Net, id, why| {
        assert_eq!(net.core(owner).move_to_lcore(id, other, 0), Err(why));
    };
    // Nobody has answered; nobody has accepted it; both ends are here; an adapter is to have it.
    let remote = SocketAddr::from((PEER, 9));
    let asked = net.core(owner).connect(now, remote, None, HOST).expect("opens");
    refuses(&mut net, asked, MoveError::NotOpen);
    let own = SocketAddr::from((US, PORT));
    let itself = net.core(owner).connect(now, own, None, HOST).expect("opens");
    net.steps(10);
    refuses(&mut net, itself, MoveError::WithItself);
    let listener = net.peer.core_mut().listen((PEER, 8).into(), 4, HOST).expect("listens");
    let offload = Options::on(PathChoice::Offload);
    let offloaded = net.core(owner).connect(now, (PEER, 8).into(), None, offload).expect("opens");
    net.steps(20);
    assert!(net.peer.core_mut().accept(listener).is_some());
    refuses(&mut net, offloaded, MoveError::Offloaded);
    // Its application has let go of it; it is over; there is none.
    let now = net.now;
    net.core(owner).close(now, closed.server);
    refuses(&mut net, closed.server, MoveError::NotOpen);
    net.peer.core_mut().abort(now, client);
    net.steps(5);
    refuses(&mut net, server, MoveError::NotOpen);
    net.core(owner).close(now, server);
    refuses(&mut net, server, MoveError::NoSuchSocket);
    // One lcore alone has nowhere to go to.
    let mut single = net_of(1);
    let listeners = listen(&mut single);
    let Open { server, .. } = open(&mut single, &listeners, 20_000);
    let refused = MoveError::NoOtherLcore { lcore: 1, lcores: 1 };
    assert_eq!(single.core(0).move_to_lcore(server, 1, 0), Err(refused));
}

#[test]
fn where_there_is_no_place_a_connection_waits() {
    let mut net = net_of(LCORES);
    let listeners = listen(&mut net);
    let open = open(&mut net, &listeners, 20_000);
    let (now, to) = (net.now, (open.owner + 1) % LCORES);
    let nobody = SocketAddr::from(([10, 77, 0, 99], 9));
    let fill = std::iter::from_fn(|| net.core(to).connect(now, nobody, None, HOST).ok());
    let fill: Vec<SocketId> = fill.collect();
    net.core(open.owner).move_to_lcore(open.server, to, 1).expect("open");
    assert_eq!(net.peer.core_mut().send(open.client, b"is anybody there?"), Ok(17));
    net.steps(100);
    assert_eq!(arrived(&mut net, to, 1), None);
    let is_due = |net: &Net| net.lcores[to].poll_timeout().is_some_and(|due| due <= net.now);
    assert!(!is_due(&net), "there is nothing to be done");
    let now = net.now;
    net.core(to).close(now, fill[3]);
    assert!(is_due(&net), "there is a place");
    assert!(net.core(to).counters().moves_waiting > 0);
    net.steps(1);
    let id = arrived(&mut net, to, 1).expect("there is a place");
    // What the peer said meanwhile it says again.
    net.steps(10_000);
    let mut buf = [0; 32];
    assert_eq!(net.core(to).recv(id, &mut buf), Ok(17));
    assert_eq!(sum(&net, |c| c.tx_resets), 0);
}

/// The memory of what goes to another lcore comes back: there is room for 128 buffers, sixteen of which are one block, and
/// of each block a connection stays.
#[test]
fn memory_goes_home() {
    let mut net = net_with(LCORES, 4096, |_| {});
    let listeners = listen(&mut net);
    let mut ports = 20_000..;
    for n in 0..200 {
        let port = ports.by_ref().find(|&port| net.owner(port) == 0).expect("every third");
        let open = open(&mut net, &listeners, port);
        if n % 15 == 0 {
            continue;
        }
        net.core(0).move_to_lcore(open.server, 1, 5).expect("open");
        net.steps(2);
        let id = arrived(&mut net, 1, 5).expect("it has come");
        let now = net.now;
        net.core(1).abort(now, id);
        net.core(1).close(now, id);
        net.steps(3);
        net.peer.core_mut().close(now, open.client);
    }
}

/// Timestamps of the segments that have left.
fn stamps(net: &Net) -> Vec<u32> {
    let frames = std::iter::from_fn(|| net.to_peer.pop());
    let stamp = |frame: Vec<u8>| match packet::parse(&frame) {
        Ok(Packet::Tcp(_, bytes)) => {
            let (segment, _) = Segment::parse(bytes).expect("a header");
            Some(segment.options.timestamps.expect("timestamps").val)
        }
        _ => None,
    };
    frames.filter_map(stamp).collect()
}

/// Each lcore looks at the clock for itself: one that is behind goes on from where the connection was (RFC 7323, 5).
#[test]
fn an_lcore_that_is_behind_says_nothing_older() {
    let mut net = net_of(LCORES);
    let at = SocketAddr::from((US, PORT));
    let options = HOST.with_nagle(false);
    let listeners: Vec<_> =
        (0..LCORES).map(|n| net.core(n).listen(at, 64, options).expect("listens")).collect();
    let open = open(&mut net, &listeners, 20_000);
    let (late, early, to) = (net.now + Nanos::from_millis(50), net.now, (open.owner + 1) % LCORES);
    let core = net.core(open.owner);
    assert_eq!(core.send(open.server, b"first"), Ok(5));
    core.kick(late);
    let first = stamps(&net);
    net.core(open.owner).move_to_lcore(open.server, to, 1).expect("open");
    net.lcores[to].poll(early);
    let id = arrived(&mut net, to, 1).expect("it has come");
    let core = net.core(to);
    assert_eq!(core.send(id, b"second"), Ok(6));
    core.kick(early);
    let second = stamps(&net);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0] >= first[0], "{first:?} {second:?}");
}

/// More at once than the ring has room for, and what their peers say meanwhile.
#[test]
fn many_go_at_once() {
    const COUNT: usize = 40;
    let mut net = net_of(LCORES);
    let listeners = listen(&mut net);
    let ports: Vec<u16> = (20_000..).filter(|&port| net.owner(port) == 0).take(COUNT).collect();
    let opens: Vec<Open> = ports.into_iter().map(|port| open(&mut net, &listeners, port)).collect();
    for (n, open) in opens.iter().enumerate() {
        net.core(0).move_to_lcore(open.server, 2, n as u64).expect("open");
        assert_eq!(net.peer.core_mut().send(open.client, &[n as u8]), Ok(1));
    }
    let mut read = [false; COUNT];
    for _ in 0..20_000 {
        net.step();
        let core = net.core(2);
        while let Some(event) = core.poll_event() {
            let id = match event {
                Event::Arrived(id, _) | Event::Socket(id, _) => id,
                Event::Incoming(_) => continue,
            };
            let mut buf = [0; 4];
            if core.recv(id, &mut buf) == Ok(1) {
                read[usize::from(buf[0])] = true;
            }
        }
    }
    assert_eq!(read, [true; COUNT]);
    assert_eq!(sum(&net, |c| c.tx_resets), 0);
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_sleeps_is_woken_for_what_is_passed_on() {
    let woken = [0; LCORES].map(|_| Arc::new(Count(AtomicUsize::new(0))));
    let mut net = net_with(LCORES, 1 << 16, |shards| {
        for shard in shards {
            for (lcore, count) in woken.iter().enumerate() {
                shard.wake_by(lcore, Waker::from(Arc::clone(count)));
            }
        }
    });
    let counts = || woken.each_ref().map(|count| count.0.swap(0, Ordering::Relaxed));
    let listeners = listen(&mut net);
    let port = (20_000..).find(|&port| net.owner(port) == 0).expect("every third");
    let open = open(&mut net, &listeners, port);
    assert_eq!(counts(), [0, 1, 1], "ARP is for all");
    net.core(0).move_to_lcore(open.server, 2, 5).expect("open");
    assert_eq!(counts(), [0, 0, 1]);
    net.steps(2);
    assert_eq!(counts(), [1, 0, 0], "the memory has come home");
    assert_eq!(net.peer.core_mut().send(open.client, b"hello"), Ok(5));
    net.steps(2);
    assert_eq!(counts(), [0, 0, 1], "a frame");
}

/// Each lcore on a thread: a connection goes round, and has to be heard on each.
#[test]
fn threads_hand_connections_to_each_other() {
    const ROUNDS: u64 = 300;
    let mut net = net_of(LCORES);
    let listeners = listen(&mut net);
    let opens: Vec<Open> = (20_000..20_004).map(|port| open(&mut net, &listeners, port)).collect();
    let (time, done) = (AtomicU64::new(net.now.0), AtomicUsize::new(0));
    let Net { lcores, mut peer, .. } = net;
    std::thread::scope(|scope| {
        for (lcore, mut stack) in lcores.into_iter().enumerate() {
            let (time, done) = (&time, &done);
            let mut here: Vec<(SocketId, u64)> =
                opens.iter().filter(|o| o.owner == lcore).map(|o| (o.server, 0)).collect();
            let total = opens.len();
            scope.spawn(move || {
                while done.load(Ordering::Relaxed) < total {
                    let now = Nanos(time.fetch_add(2_000, Ordering::Relaxed));
                    stack.poll(now);
                    let core = stack.core_mut();
                    while let Some(event) = core.poll_event() {
                        if let Event::Arrived(id, token) = event {
                            here.push((id, token));
                        }
                    }
                    here.retain(|&(id, token)| {
                        let mut buf = [0; 8];
                        match core.recv(id, &mut buf) {
                            Ok(8) => {}
                            Ok(n) => panic!("{n} bytes of 8"),
                            Err(SocketError::WouldBlock) => return true,
                            Err(error) => panic!("{error}"),
                        }
                        // Asked as often as it was moved; it answers from wherever it is.
                        assert_eq!(u64::from_ne_bytes(buf), token);
                        assert_eq!(core.send(id, &buf), Ok(8));
                        if token == ROUNDS {
                            done.fetch_add(1, Ordering::Relaxed);
                            return true;
                        }
                        core.move_to_lcore(id, (lcore + 1) % LCORES, token + 1).expect("open");
                        false
                    });
                    core.kick(now);
                    std::thread::yield_now();
                }
            });
        }
        let mut asked = vec![0_u64; opens.len()];
        for open in &opens {
            assert_eq!(peer.core_mut().send(open.client, &0_u64.to_ne_bytes()), Ok(8));
        }
        while done.load(Ordering::Relaxed) < opens.len() {
            let now = Nanos(time.fetch_add(2_000, Ordering::Relaxed));
            peer.poll(now);
            let core = peer.core_mut();
            for (open, asked) in opens.iter().zip(&mut asked) {
                let mut buf = [0; 8];
                if core.recv(open.client, &mut buf) == Ok(8) {
                    assert_eq!(u64::from_ne_bytes(buf), *asked);
                    *asked += 1;
                    if *asked <= ROUNDS {
                        assert_eq!(core.send(open.client, &asked.to_ne_bytes()), Ok(8));
                    }
                }
            }
            core.kick(now);
            std::thread::yield_now();
        }
    });
}
