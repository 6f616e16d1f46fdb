//! Lcores that share their host's adapters, polled in turns on one thread.

use mafo::wire::Switch;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::wire::{Cable, Wire};
use mafo::{
    BondConfig, BondCounters, BondEvent, ControlKind, Core, Host, HostConfig, HostError, LinkId,
    ListenerId, MemberConfig, Mishaps, Nanos, NoSwitch, PortId, SocketError, SocketId, SoftConfig,
    StackConfig, WirePort,
};

use crate::hosts::{ADDRESSES, OFFLOAD, pattern, quiet, soft};

const LCORES: usize = 2;
const A: usize = 0;
const B: usize = 1;

fn link(adapter: usize) -> LinkId {
    (adapter, PortId(0)).into()
}

/// A connection of ours: its lcore, both ends, and what each has sent and received.
#[derive(Debug)]
pub(crate) struct Conn {
    lcore: usize,
    ends: [SocketId; 2],
    sent: [usize; 2],
    received: [usize; 2],
    eof: [bool; 2],
}

/// A host whose lcores share two adapters, behind a switch with a peer that has one of its own.
pub(crate) struct Shared {
    pub(crate) ours: Vec<Host>,
    pub(crate) peer: Host,
    switch: Switch<MemEnd>,
    cables: Vec<Cable>,
    pub(crate) now: Nanos,
    pub(crate) conns: Vec<Conn>,
    /// Each lcore's, and the peer's.
    listeners: Vec<ListenerId>,
    /// An lcore that has no turn for now.
    absent: Option<usize>,
    turns: usize,
}

fn stack(n: usize) -> StackConfig {
    let mut stack = StackConfig::new(ADDRESSES[n], 24, [2, 0, 0, 0xff, 0, n as u8]);
    (stack.sockets_max, stack.secret) = (64, [n as u8 + 1; 16]);
    stack
}

impl Shared {
    /// Before anything has run.
    pub(crate) fn plugged(
        lcores: usize,
        configure: impl Fn(&mut StackConfig, &mut BondConfig),
    ) -> Self {
        let (near, mut far): (Vec<_>, Vec<_>) =
            (0..3).map(|_| mem::link(&LinkConfig::default())).unzip();
        let cables = near.iter().map(MemEnd::cable).collect();
        let switch = Switch::new(&quiet(), far.drain(..));
        let mut cards: Vec<SoftConfig> = (near.into_iter().enumerate())
            .map(|(n, wire)| soft(n, vec![Box::new(wire) as Box<dyn Wire>]))
            .collect();
        for card in &mut cards {
            // Those of others have no turns while their thread has no processor, which is no death.
            card.driver.hang_timeout = Nanos::from_secs(30);
        }
        let third = cards.pop().expect("three");
        let peer = HostConfig::new(stack(1), [third], BondConfig::new([link(0)]));
        let (mut stack, mut bond) = (stack(0), BondConfig::new([link(A), link(B)]));
        configure(&mut stack, &mut bond);
        let ours = Host::on_lcores(HostConfig::new(stack, cards, bond), lcores).expect("memory");
        let peer = Host::new(peer).expect("memory");
        let now = Nanos::from_secs(1);
        let (conns, listeners) = (Vec::new(), Vec::new());
        Self { ours, peer, switch, cables, now, conns, listeners, absent: None, turns: 0 }
    }

    /// Up, with a link active, and with listeners everywhere.
    pub(crate) fn up(lcores: usize) -> Self {
        let mut this = Self::plugged(lcores, |_, _| {});
        this.bring_up();
        this
    }

    pub(crate) fn bring_up(&mut self) {
        let ready =
            |host: &Host| host.is_up() && host.bond().is_some_and(|bond| bond.active().is_some());
        self.wait("up", |this| this.ours.iter().chain([&this.peer]).all(ready));
        let listen = |host: &mut Host, n: usize| {
            host.sockets_mut().listen((ADDRESSES[n], 7).into(), 64, OFFLOAD).expect("listens")
        };
        self.listeners = self.ours.iter_mut().map(|host| listen(host, 0)).collect();
        self.listeners.push(listen(&mut self.peer, 1));
    }

    /// The peer's listener, when it has none yet.
    pub(crate) fn listen_by_peer(&mut self, now: Nanos) {
        self.now = now;
        let at = (ADDRESSES[1], 7).into();
        self.listeners.push(self.peer.sockets_mut().listen(at, 64, OFFLOAD).expect("listens"));
    }

    pub(crate) fn accept_by_peer(&mut self) -> Option<SocketId> {
        let listener = *self.listeners.last()?;
        self.peer.sockets_mut().accept(listener)
    }

    /// A turn of the peer and the switch alone.
    pub(crate) fn poll_peer(&mut self) {
        self.peer.poll(self.now).expect("nothing fails");
        self.switch.poll(self.now);
    }

    pub(crate) fn step(&mut self) {
        self.turns += 1;
        for (n, host) in self.ours.iter_mut().enumerate() {
            // They go at different speeds; the first has the cards.
            if self.absent != Some(n) && self.turns.is_multiple_of(n + 1) {
                host.poll(self.now).expect("nothing fails");
            }
        }
        self.poll_peer();
        self.now += Nanos::from_micros(20);
    }

    pub(crate) fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + Nanos::from_secs(5);
        while !done(self) {
            self.talk();
            assert!(self.now < deadline, "not {what}: {}", self.describe());
        }
    }

    pub(crate) fn describe(&self) -> String {
        let bonds = self.ours.iter().map(|host| (host.bond(), host.sockets().counters()));
        format!("{:?} {:?} {:?}", self.now, self.conns, bonds.collect::<Vec<_>>())
    }

    /// Opens a connection: by the peer, or by one of our lcores.
    pub(crate) fn open(&mut self, by: Option<usize>) {
        let now = self.now;
        let (core, to): (&mut Core, _) = match by {
            Some(lcore) => (self.ours[lcore].sockets_mut(), ADDRESSES[1]),
            None => (self.peer.sockets_mut(), ADDRESSES[0]),
        };
        let id = core.connect(now, (to, 7).into(), None, OFFLOAD).expect("opens");
        let deadline = self.now + Nanos::from_secs(5);
        let (lcore, ends) = loop {
            self.talk();
            assert!(self.now < deadline, "{by:?} does not open: {}", self.describe());
            if let Some(lcore) = by {
                if let Some(far) = self.peer.sockets_mut().accept(self.listeners[self.ours.len()]) {
                    break (lcore, [id, far]);
                }
                continue;
            }
            let accepted = self.ours.iter_mut().zip(&self.listeners).enumerate();
            let mut accepted =
                accepted.filter_map(|(n, (host, &at))| Some((n, host.sockets_mut().accept(at)?)));
            if let Some((lcore, near)) = accepted.next() {
                break (lcore, [near, id]);
            }
        };
        self.conns.push(Conn { lcore, ends, sent: [0; 2], received: [0; 2], eof: [false; 2] });
    }

    /// A step, after which everybody has said something and read what there is.
    pub(crate) fn talk(&mut self) {
        self.step();
        for (k, conn) in self.conns.iter_mut().enumerate() {
            for n in 0..2 {
                let host = if n == 0 { &mut self.ours[conn.lcore] } else { &mut self.peer };
                let core = host.sockets_mut();
                let at = conn.sent[n];
                let chunk: Vec<u8> = (at..at + 2000).map(|at| pattern(at + k)).collect();
                match core.send(conn.ends[n], &chunk) {
                    Ok(bytes) => conn.sent[n] += bytes,
                    // It has been shut.
                    Err(SocketError::WouldBlock | SocketError::Shutdown) => {}
                    Err(error) => panic!("send {k} at {n}: {error}"),
                }
                let mut buf = [0; 4096];
                match core.recv(conn.ends[n], &mut buf) {
                    Ok(0) => conn.eof[n] = true,
                    Ok(bytes) => {
                        for (at, &byte) in (conn.received[n]..).zip(&buf[..bytes]) {
                            assert_eq!(byte, pattern(at + k), "byte {at} of {k} at {n}");
                        }
                        conn.received[n] += bytes;
                    }
                    Err(error) => assert_eq!(error, SocketError::WouldBlock, "recv {k} at {n}"),
                }
            }
        }
    }

    /// Until every direction has delivered so many bytes more.
    pub(crate) fn deliver(&mut self, more: usize) {
        let goals: Vec<_> = self.conns.iter().map(|conn| conn.received.map(|n| n + more)).collect();
        self.wait("delivered", |this| {
            this.conns
                .iter()
                .zip(&goals)
                .all(|(conn, goal)| conn.received[0] >= goal[0] && conn.received[1] >= goal[1])
        });
    }

    /// Until no connection of any lcore lives elsewhere than on the active link.
    pub(crate) fn moved(&mut self) {
        let moving = |host: &Host| host.bond().expect("bond").is_moving();
        self.wait("moved", |this| !this.ours.iter().any(moving));
    }

    /// Everybody ends, every byte has come, and neither lcores nor cards have anything left of it.
    pub(crate) fn finish(&mut self) {
        for conn in &self.conns {
            self.ours[conn.lcore].sockets_mut().shutdown(conn.ends[0]).expect("open");
            self.peer.sockets_mut().shutdown(conn.ends[1]).expect("open");
        }
        self.wait("over", |this| this.conns.iter().all(|conn| conn.eof == [true; 2]));
        for conn in &self.conns {
            assert_eq!(conn.received, [conn.sent[1], conn.sent[0]]);
        }
        let now = self.now;
        for conn in std::mem::take(&mut self.conns) {
            self.ours[conn.lcore].sockets_mut().close(now, conn.ends[0]);
            self.peer.sockets_mut().close(now, conn.ends[1]);
        }
        let left = |host: &Host| host.left_over();
        self.wait("given back", |this| this.ours.iter().map(left).sum::<usize>() == 0);
        for host in &self.ours {
            let counters = host.sockets().counters();
            assert_eq!((counters.tx_resets, counters.listen_early), (0, 0), "{counters:?}");
            // What RSS brings to an lcore is its own, but for ARP, which it brings to the first.
            let others = host.sockets().shard().map_or(0, |s| (s.lcores() - 1) as u64);
            assert_eq!(counters.passed_on, counters.rx_arp * others, "{counters:?}");
        }
    }

    pub(crate) fn bond(&self, lcore: usize) -> BondCounters {
        self.ours[lcore].bond().expect("bond").counters()
    }

    /// Offloaded connections of each lcore on an adapter, by the lcore's own books.
    pub(crate) fn on(&self, adapter: usize) -> Vec<usize> {
        let of = |lcore: usize| {
            let core = self.ours[lcore].sockets();
            let own = self.conns.iter().filter(|conn| conn.lcore == lcore);
            let there = own.filter_map(|conn| core.offloaded(conn.ends[0]));
            there.filter(|conn| conn.member.index() == adapter).count()
        };
        (0..self.ours.len()).map(of).collect()
    }

    /// Four connections that each lcore has opened, and at least four that the peer has opened to each.
    pub(crate) fn populate(&mut self) {
        for lcore in 0..self.ours.len() {
            for _ in 0..4 {
                self.open(Some(lcore));
            }
        }
        let enough = |this: &Self| {
            (0..this.ours.len()).all(|n| this.conns.iter().filter(|c| c.lcore == n).count() >= 8)
        };
        while !enough(self) {
            assert!(self.conns.len() < 60, "all come to one lcore: {}", self.describe());
            self.open(None);
        }
    }
}

/// On each adapter as many as there are, and nowhere else.
fn live_on(this: &Shared, adapter: usize) {
    let (here, there) = (this.on(adapter), this.on(1 - adapter));
    assert!(here.iter().all(|&n| n >= 8), "{here:?}");
    assert_eq!(there, vec![0; this.ours.len()]);
    assert_eq!(this.ours[0].offloaded(adapter), this.conns.len(), "by the card's own count");
}

#[test]
fn connections_of_every_lcore_live_on_one_card() {
    for lcores in [1, 2, 3] {
        let mut net = Shared::up(lcores);
        net.populate();
        net.deliver(100_000);
        live_on(&net, A);
        let used = net.ours[0].adapter(A).expect("a card").in_use();
        // A queue an lcore, and that of the firmware's events; a listener an lcore.
        assert_eq!((used.ingress_queues, used.servers), (lcores + 1, lcores));
        net.finish();
        let used = net.ours[0].adapter(A).expect("a card").in_use();
        assert_eq!((used.tids, used.flows), (0, 0));
    }
}

#[test]
fn connections_of_all_lcores_move_when_a_link_fails() {
    let mut net = Shared::up(LCORES);
    net.populate();
    net.deliver(10_000);
    for (failed, heir) in [(A, B), (B, A)] {
        net.cables[failed].set_carrier(false);
        net.deliver(20_000);
        net.moved();
        live_on(&net, heir);
        net.cables[failed].set_carrier(true);
        net.deliver(1_000);
        for host in &net.ours {
            assert_eq!(host.bond().expect("bond").active(), Some(link(heir)));
        }
    }
    for lcore in 0..LCORES {
        let counters = net.bond(lcore);
        let own = net.conns.iter().filter(|conn| conn.lcore == lcore).count() as u64;
        assert_eq!((counters.moved, counters.connections_lost), (2 * own, 0), "{counters:?}");
        assert_eq!(counters.unexpected, 0, "{counters:?}");
        assert!(counters.tunnelled_in > 0 && counters.tunnelled_out > 0, "{counters:?}");
        // The first decides, and is the only one that says where the address is.
        assert_eq!(counters.failures, if lcore == 0 { 2 } else { 0 });
    }
    net.finish();
}

/// The first lcore is told, and all follow; nothing is lost on the way.
#[test]
fn all_lcores_follow_a_wish() {
    let mut net = Shared::up(LCORES);
    net.populate();
    net.deliver(10_000);
    // Its filters are in force.
    for to in [B, A] {
        let now = net.now;
        let (bond, core) = net.ours[1].bond_and_sockets_mut().expect("bond");
        assert_eq!(bond.make_active(now, core, link(to)), Err(NoSwitch::NotFirst));
        let (bond, core) = net.ours[0].bond_and_sockets_mut().expect("bond");
        bond.make_active(now, core, link(to)).expect("it is up");
        net.deliver(20_000);
        net.moved();
        live_on(&net, to);
    }
    net.finish();
}

#[test]
fn connections_of_all_lcores_survive_the_death_of_their_card_and_use_it_again() {
    let mut net = Shared::up(LCORES);
    net.populate();
    net.deliver(10_000);
    for (dead, heir) in [(A, B), (B, A)] {
        net.ours[0].adapter(dead).expect("a card").faults().die();
        net.deliver(20_000);
        net.moved();
        live_on(&net, heir);
        for host in &net.ours {
            assert!(host.is_dead(dead));
        }
        net.ours[0].revive(dead).expect("memory");
        net.wait("back", |net| net.ours.iter().all(|host| !host.is_dead(dead) && host.is_up()));
        net.deliver(1_000);
    }
    for lcore in 0..LCORES {
        let counters = net.bond(lcore);
        let own = net.conns.iter().filter(|conn| conn.lcore == lcore).count() as u64;
        assert_eq!((counters.adapters_lost, counters.rebuilt), (2, 2 * own), "{counters:?}");
        assert_eq!(counters.connections_lost, 0, "{counters:?}");
        let events = std::iter::from_fn(|| net.ours[lcore].bond_mut()?.poll_event());
        let back = events.filter(|(_, event)| matches!(event, BondEvent::AdapterBack(_))).count();
        assert_eq!(back, 2);
    }
    net.populate();
    net.finish();
}

/// It is not brought up while an lcore may still use the queues that it had.
#[test]
fn a_card_is_not_reset_before_every_lcore_has_given_it_up() {
    let mut net = Shared::up(LCORES);
    net.populate();
    net.deliver(10_000);
    net.absent = Some(1);
    net.ours[0].adapter(A).expect("a card").faults().die();
    let until = net.now + Nanos::from_millis(20);
    while net.now < until {
        net.talk();
    }
    assert!(net.ours[0].is_dead(A));
    net.ours[0].revive(A).expect("nothing happens");
    let until = net.now + Nanos::from_millis(20);
    while net.now < until {
        net.talk();
        assert!(net.ours[0].is_dead(A) && net.ours[0].failure(A).is_some(), "it waits");
    }
    net.absent = None;
    net.wait("back", |net| net.ours.iter().all(|host| !host.is_dead(A) && host.is_up()));
    net.deliver(20_000);
    net.moved();
    live_on(&net, B);
    net.finish();
}

/// One that only another lcore has asked something is given up by all, since that lcore's connections need it silenced.
#[test]
fn an_lcore_that_gets_no_answers_has_the_card_given_up() {
    let mut net = Shared::up(LCORES);
    for _ in 0..4 {
        net.open(Some(1));
    }
    net.deliver(10_000);
    // Who has no connection has no next hop.
    let deaf = Mishaps { chances: [1000, 0, 0, 0], only: Some(ControlKind::L2t), ..Mishaps::NONE };
    net.ours[0].adapter_mut(A).expect("a card").suffer(deaf);
    net.cables[A].set_carrier(false);
    net.wait("given up", |net| net.ours.iter().all(|host| host.is_dead(A)));
    assert_eq!(
        net.ours[0].failure(A).expect("why").to_string(),
        "the card leaves messages unanswered"
    );
    net.deliver(20_000);
    net.moved();
    assert_eq!(net.on(B), [0, 4]);
    // With what it holds of them it goes on counting as long as it has no power.
    net.ours[0].revive(A).expect("memory");
    net.wait("back", |net| net.ours.iter().all(|host| !host.is_dead(A) && host.is_up()));
    net.finish();
}

/// What cannot be shared is refused.
#[test]
fn not_everything_can_be_shared() {
    let of = |lcores, member: MemberConfig| {
        let bond = BondConfig::new([link(0)]);
        Host::on_lcores(HostConfig::new(stack(0), [member], bond), lcores).map(|hosts| hosts.len())
    };
    let card = || MemberConfig::from(soft(0, Vec::new()));
    for lcores in [0, 8] {
        let error = of(lcores, card()).expect_err("none, or too many");
        assert!(matches!(error, HostError::Lcores { most: 7, .. }), "{error}");
    }
    assert_eq!(of(7, card()).expect("memory"), 7);
    let port = || {
        let (near, _) = mem::link(&LinkConfig::default());
        MemberConfig::Port(Box::new(WirePort::new(near, [2; 6], 1500)))
    };
    assert!(matches!(of(2, port()), Err(HostError::NotShared { member: 0 })));
    assert_eq!(of(1, port()).expect("memory"), 1);
}
