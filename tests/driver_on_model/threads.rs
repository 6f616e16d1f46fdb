//! Lcores that share their host's adapters, each on a thread of its own; the cards are polled by the first, or by one more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use mafo::eal::clock::Clock;
use mafo::{Host, Nanos, SocketError, SocketId};

use crate::hosts::{ADDRESSES, OFFLOAD, pattern};
use crate::shared::Shared;

const LCORES: usize = 2;
/// Connections that each lcore opens, and that the peer does.
const OPENED: usize = 3;
const PASSIVE: usize = 8;
const BYTES: usize = 400_000;
/// For how long anybody waits.
const PATIENCE: Nanos = Nanos::from_secs(60);
/// Effects after which the card that has the connections dies, somewhere in the middle.
const EFFECTS: u64 = 3_000;

/// A connection of which everything is sent back.
struct Echo {
    id: SocketId,
    pending: Vec<u8>,
    is_over: bool,
}

/// What an lcore does: it sends back what it hears on connections that it has opened, and on those that it has accepted.
struct Service<'a> {
    host: &'a mut Host,
    clock: Clock,
    echoes: Vec<Echo>,
    /// The peer has heard all that it wanted.
    is_over: &'a AtomicBool,
    up: &'a AtomicUsize,
    is_first: bool,
}

impl Service<'_> {
    fn poll(&mut self) {
        self.host.poll(self.clock.now()).expect("nothing fails");
        if self.is_first && self.host.is_dead(0) {
            self.host.revive(0).expect("memory");
        }
        thread::yield_now();
    }

    fn until(&mut self, what: &str, done: impl Fn(&mut Self) -> bool) {
        let deadline = self.clock.now() + PATIENCE;
        while !done(self) {
            self.poll();
            assert!(self.clock.now() < deadline, "not {what}: {:?}", self.host);
        }
    }

    /// How many connections it has accepted.
    fn run(mut self) -> usize {
        self.until("up", |this| {
            this.host.is_up() && this.host.bond().is_some_and(|bond| bond.active().is_some())
        });
        let at = (ADDRESSES[0], 7).into();
        let listener = self.host.sockets_mut().listen(at, 64, OFFLOAD).expect("listens");
        for _ in 0..OPENED {
            let (now, to) = (self.clock.now(), (ADDRESSES[1], 7).into());
            let id = self.host.sockets_mut().connect(now, to, None, OFFLOAD).expect("opens");
            self.echoes.push(Echo { id, pending: Vec::new(), is_over: false });
        }
        // Its adapters hear of the listener.
        for _ in 0..100 {
            self.poll();
        }
        self.up.fetch_add(1, Ordering::AcqRel);
        let deadline = self.clock.now() + PATIENCE;
        while !self.is_over.load(Ordering::Acquire) {
            self.poll();
            assert!(self.clock.now() < deadline, "not over: {:?}", self.host);
            while let Some(id) = self.host.sockets_mut().accept(listener) {
                self.echoes.push(Echo { id, pending: Vec::new(), is_over: false });
            }
            for echo in &mut self.echoes {
                echo.turn(self.host);
            }
        }
        let now = self.clock.now();
        let accepted = self.echoes.len() - OPENED;
        for echo in &self.echoes {
            assert!(echo.is_over);
            self.host.sockets_mut().close(now, echo.id);
        }
        self.until("given back", |this| this.host.left_over() == 0);
        // Others may still need its turns: the first has the adapters.
        self.up.fetch_sub(1, Ordering::AcqRel);
        self.until("over for all", |this| this.up.load(Ordering::Acquire) == 0);
        accepted
    }
}

impl Echo {
    fn turn(&mut self, host: &mut Host) {
        let core = host.sockets_mut();
        if self.pending.is_empty() && !self.is_over {
            let mut buf = [0; 8192];
            match core.recv(self.id, &mut buf) {
                Ok(0) => {
                    self.is_over = true;
                    core.shutdown(self.id).expect("open");
                }
                Ok(bytes) => self.pending.extend_from_slice(&buf[..bytes]),
                Err(error) => {
                    let waits = [SocketError::WouldBlock, SocketError::NotConnected];
                    assert!(waits.contains(&error), "{error}");
                }
            }
        }
        match core.send(self.id, &self.pending) {
            Ok(bytes) => drop(self.pending.drain(..bytes)),
            Err(error) => {
                let waits =
                    [SocketError::WouldBlock, SocketError::NotConnected, SocketError::Shutdown];
                assert!(waits.contains(&error), "{error}");
            }
        }
    }
}

/// The peer says something on every connection, and hears it again.
fn talk(net: &mut Shared, clock: Clock, up: &AtomicUsize) {
    let deadline = clock.now() + PATIENCE;
    let turn = |net: &mut Shared| {
        net.now = clock.now();
        net.poll_peer();
        thread::yield_now();
        assert!(net.now < deadline, "not through: {:?}", net.peer);
    };
    while up.load(Ordering::Acquire) < LCORES {
        turn(net);
    }
    let mut ids: Vec<SocketId> = Vec::new();
    for _ in 0..PASSIVE {
        let (now, to) = (clock.now(), (ADDRESSES[0], 7).into());
        ids.push(net.peer.sockets_mut().connect(now, to, None, OFFLOAD).expect("opens"));
    }
    while ids.len() < PASSIVE + LCORES * OPENED {
        turn(net);
        ids.extend(net.accept_by_peer());
    }
    let mut counts = vec![[0; 2]; ids.len()];
    let mut over = vec![false; ids.len()];
    while over.contains(&false) {
        turn(net);
        let core = net.peer.sockets_mut();
        for (k, &id) in ids.iter().enumerate().filter(|&(k, _)| !over[k]).collect::<Vec<_>>() {
            let [sent, heard] = &mut counts[k];
            let chunk: Vec<u8> =
                (*sent..BYTES.min(*sent + 4000)).map(|at| pattern(at + k)).collect();
            match core.send(id, &chunk) {
                Ok(bytes) if *sent < BYTES => {
                    *sent += bytes;
                    if *sent == BYTES {
                        core.shutdown(id).expect("open");
                    }
                }
                Ok(_)
                | Err(
                    SocketError::WouldBlock | SocketError::NotConnected | SocketError::Shutdown,
                ) => {}
                Err(error) => panic!("send on {k}: {error}"),
            }
            let mut buf = [0; 8192];
            match core.recv(id, &mut buf) {
                Ok(0) => over[k] = true,
                Ok(bytes) => {
                    for (at, &byte) in (*heard..).zip(&buf[..bytes]) {
                        assert_eq!(byte, pattern(at + k), "byte {at} of {k}");
                    }
                    *heard += bytes;
                }
                Err(error) => {
                    let waits = [SocketError::WouldBlock, SocketError::NotConnected];
                    assert!(waits.contains(&error), "recv on {k}: {error}");
                }
            }
        }
    }
    assert!(counts.iter().all(|&count| count == [BYTES; 2]), "{counts:?}");
    let now = clock.now();
    for id in ids {
        net.peer.sockets_mut().close(now, id);
    }
}

/// A card dies under way, and comes back.
fn on_threads(cards_apart: bool) {
    let mut net = Shared::plugged(LCORES, |_, _| {});
    net.ours[0].adapter(0).expect("still here").faults().die_after(EFFECTS);
    let clock = Clock::start();
    net.listen_by_peer(clock.now());
    let mut ours = std::mem::take(&mut net.ours);
    let mut runner = cards_apart.then(|| ours[0].part_with_cards());
    let [is_over, cards_rest] = [AtomicBool::new(false), AtomicBool::new(false)];
    let up = AtomicUsize::new(0);
    thread::scope(|scope| {
        if let Some(runner) = &mut runner {
            let cards_rest = &cards_rest;
            scope.spawn(move || {
                while !cards_rest.load(Ordering::Acquire) {
                    runner.poll(clock.now());
                    thread::yield_now();
                }
            });
        }
        let (is_over_, up_) = (&is_over, &up);
        let services: Vec<_> = (ours.iter_mut().enumerate())
            .map(|(lcore, host)| {
                let (echoes, is_first) = (Vec::new(), lcore == 0);
                let service = Service { host, clock, echoes, is_over: is_over_, up: up_, is_first };
                scope.spawn(move || service.run())
            })
            .collect();
        // Also where something fails, or nobody would stop the others.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            talk(&mut net, clock, &up);
            is_over.store(true, Ordering::Release);
            while services.iter().any(|service| !service.is_finished()) {
                net.now = clock.now();
                net.poll_peer();
                thread::yield_now();
            }
        }));
        is_over.store(true, Ordering::Release);
        let accepted: Vec<_> = services.into_iter().map(|service| service.join()).collect();
        cards_rest.store(true, Ordering::Release);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        let accepted: Vec<usize> = accepted.into_iter().map(|n| n.expect("no panic")).collect();
        assert_eq!(accepted.iter().sum::<usize>(), PASSIVE);
        assert!(accepted.iter().all(|&n| n > 0), "{accepted:?}");
    });
    for host in &ours {
        let counters = host.bond().expect("bond").counters();
        assert_eq!((counters.adapters_lost, counters.connections_lost), (1, 0), "{counters:?}");
        assert_eq!(host.sockets().counters().tx_resets, 0);
    }
}

#[test]
fn lcores_on_threads_share_cards_that_the_first_polls() {
    on_threads(false);
}

#[test]
fn lcores_on_threads_share_cards_that_another_thread_polls() {
    on_threads(true);
}
