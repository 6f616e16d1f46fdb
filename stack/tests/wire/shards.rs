//! A host on several lcores behind a NIC that gives everything to the first of them, and a peer on one.

use std::net::{Ipv4Addr, SocketAddr};

use mafo_mem::rss::ENTRIES;
use mafo_mem::{Nanos, checksum};
use mafo_pmd::eal::dma::Arena;
use mafo_stack::packet::{self, Packet};
use mafo_stack::{
    ConnectError, ConnectionError, Core, Options, PathChoice, Shard, SocketError, SocketId, Stack,
    StackConfig,
};
use smoltcp::wire::IpProtocol;

use crate::cable::{End, Lane};

pub(crate) const HOST: Options = Options::on(PathChoice::Host);
pub(crate) const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const PORT: u16 = 7;

pub(crate) struct Net {
    pub(crate) lcores: Vec<Stack>,
    pub(crate) peer: Stack,
    pub(crate) to_us: Lane,
    pub(crate) to_peer: Lane,
    pub(crate) now: Nanos,
}

fn stack(address: Ipv4Addr, mac: [u8; 6], send_buffer: usize, (tx, rx): (&Lane, &Lane)) -> Stack {
    let mut config = StackConfig::new(address, 24, mac);
    config.sockets_max = 64;
    config.send_buffer = send_buffer;
    config.recv_buffer = 1 << 16;
    config.secret = [mac[5]; 16];
    let mut stack = Stack::new(config, Arena::ordinary(128 * send_buffer).expect("memory"));
    stack.add_port(Box::new(End { mac, tx: tx.clone(), rx: rx.clone() }));
    stack
}

fn net() -> Net {
    net_of(2)
}

pub(crate) fn net_of(lcores: usize) -> Net {
    net_with(lcores, 1 << 16, |_| {})
}

/// With send buffers of so many bytes, and room for 128 of them, and what `set` makes of the lcores' places.
pub(crate) fn net_with(
    lcores: usize,
    send_buffer: usize,
    set: impl FnOnce(&mut Vec<Shard>),
) -> Net {
    let (to_us, to_peer, nothing) = (Lane::default(), Lane::default(), Lane::default());
    let lcore = |shard: Shard| {
        let rx = if shard.lcore() == 0 { &to_us } else { &nothing };
        let mut stack = stack(US, OUR_MAC, send_buffer, (&to_peer, rx));
        stack.set_shard(shard);
        stack
    };
    let mut shards = Shard::set(lcores);
    set(&mut shards);
    let lcores = shards.into_iter().map(lcore).collect();
    let peer = stack(PEER, PEER_MAC, send_buffer, (&to_us, &to_peer));
    Net { lcores, peer, to_us, to_peer, now: Nanos::from_secs(1) }
}

impl Net {
    pub(crate) fn step(&mut self) {
        self.peer.poll(self.now);
        for lcore in &mut self.lcores {
            lcore.poll(self.now);
        }
        self.now += Nanos::from_micros(50);
    }

    pub(crate) fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    pub(crate) fn core(&mut self, lcore: usize) -> &mut Core {
        self.lcores[lcore].core_mut()
    }

    /// The lcore that a connection from `port` of the peer belongs to.
    pub(crate) fn owner(&self, port: u16) -> usize {
        let shard = self.lcores[0].core().shard().expect("one of two");
        shard.lcore_of((PEER, port).into(), (US, PORT).into())
    }
}

fn read(core: &mut Core, id: SocketId) -> Vec<u8> {
    let mut buf = [0; 100];
    let n = core.recv(id, &mut buf).expect("bytes");
    buf[..n].to_vec()
}

#[test]
fn connections_are_accepted_where_they_belong_and_stay_there() {
    let mut net = net();
    let at = SocketAddr::from((US, PORT));
    let listeners = [0, 1].map(|lcore| net.core(lcore).listen(at, 64, HOST).expect("listens"));
    let now = net.now;
    let clients: Vec<SocketId> = (20_000..20_032)
        .map(|port| net.peer.core_mut().connect(now, at, Some(port), HOST).expect("opens"))
        .collect();
    net.steps(100);
    let mut accepted = Vec::new();
    for (lcore, listener) in listeners.into_iter().enumerate() {
        while let Some(id) = net.core(lcore).accept(listener) {
            let port = net.core(lcore).tuple(id).expect("open").remote.port();
            assert_eq!(net.owner(port), lcore, "port {port}");
            accepted.push((port, lcore, id));
        }
    }
    assert_eq!(accepted.iter().filter(|&&(_, lcore, _)| lcore == 0).count(), 16, "half of them");
    accepted.sort_unstable_by_key(|&(port, ..)| port);
    let ports: Vec<u16> = accepted.iter().map(|&(port, ..)| port).collect();
    assert_eq!(ports, (20_000..20_032).collect::<Vec<u16>>());
    for round in 0..3_u8 {
        for (n, &(_, lcore, id)) in accepted.iter().enumerate() {
            let bytes = [n as u8, round];
            assert_eq!(net.peer.core_mut().send(clients[n], &bytes), Ok(2));
            assert_eq!(net.core(lcore).send(id, &[round, n as u8]), Ok(2));
        }
        net.steps(20);
        for (n, &(_, lcore, id)) in accepted.iter().enumerate() {
            assert_eq!(read(net.core(lcore), id), [n as u8, round]);
            assert_eq!(read(net.peer.core_mut(), clients[n]), [round, n as u8]);
        }
    }
    let counters = [0, 1].map(|lcore| *net.core(lcore).counters());
    // The ARP question, and of 16 connections SYN, ACK and three segments.
    assert_eq!((counters[0].passed_on, counters[1].passed_on), (1 + 16 * 5, 0));
    assert_eq!(counters.map(|counters| counters.tx_resets), [0, 0]);
}

#[test]
fn an_active_open_takes_a_port_that_comes_back_to_its_lcore() {
    let mut net = net();
    let at = SocketAddr::from((PEER, PORT));
    let listener = net.peer.core_mut().listen(at, 64, HOST).expect("listens");
    let now = net.now;
    let mut opened = Vec::new();
    for _ in 0..8 {
        for lcore in [0, 1] {
            let id = net.core(lcore).connect(now, at, None, HOST).expect("opens");
            let local = net.core(lcore).tuple(id).expect("open").local;
            let shard = net.core(lcore).shard().expect("one of two");
            assert_eq!(shard.lcore_of(at, local), lcore);
            opened.push((lcore, id));
        }
    }
    net.steps(100);
    for &(lcore, id) in &opened {
        assert!(net.core(lcore).is_established(id), "{id:?} on lcore {lcore}");
    }
    let accepted = std::iter::from_fn(|| net.peer.core_mut().accept(listener)).count();
    assert_eq!(accepted, opened.len());
}

#[test]
fn a_port_of_another_lcore_is_refused_by_its_name() {
    let mut net = net();
    let (now, remote) = (net.now, SocketAddr::from((PEER, PORT)));
    for port in 30_000..30_016 {
        let owner = net.owner_of_local(port, remote);
        let refused = net.core(1 - owner).connect(now, remote, Some(port), HOST);
        let expected = ConnectError::OtherLcore { port, remote, lcore: owner };
        assert_eq!(refused, Err(expected));
        net.core(owner).connect(now, remote, Some(port), HOST).expect("its own");
    }
    // With itself a host speaks on whichever lcore it likes.
    let own = SocketAddr::from((US, PORT));
    for lcore in [0, 1] {
        let listener = net.core(lcore).listen(own, 4, HOST).expect("listens");
        let id = net.core(lcore).connect(now, own, Some(30_000), HOST).expect("opens");
        net.steps(10);
        assert!(net.core(lcore).is_established(id));
        assert!(net.core(lcore).accept(listener).is_some());
    }
}

impl Net {
    fn owner_of_local(&self, port: u16, remote: SocketAddr) -> usize {
        let shard = self.lcores[0].core().shard().expect("one of two");
        shard.lcore_of(remote, (US, port).into())
    }
}

#[test]
fn one_lcore_answers_arp_and_all_learn() {
    let mut net = net();
    let at = SocketAddr::from((US, PORT));
    let listener = net.core(0).listen(at, 64, HOST).expect("listens");
    let port = (20_000..).find(|&port| net.owner(port) == 0).expect("every other");
    let now = net.now;
    net.peer.core_mut().connect(now, at, Some(port), HOST).expect("opens");
    net.steps(20);
    assert!(net.core(0).accept(listener).is_some());
    assert_eq!(net.peer.core().counters().arp_requests, 1);
    assert_eq!(net.peer.core().counters().rx_arp, 1, "one answer");
    assert_eq!(net.core(0).counters().rx_arp, 1);
    // The other lcore, to which nothing else has come, need not ask.
    let now = net.now;
    net.core(1).connect(now, (PEER, 9).into(), None, HOST).expect("opens");
    net.steps(1);
    assert_eq!([0, 1].map(|lcore| net.core(lcore).counters().arp_requests), [0, 0]);
}

#[test]
fn an_icmp_error_reaches_the_lcore_of_the_connection_that_it_quotes() {
    let mut net = net();
    // Learns where the peer is.
    let now = net.now;
    let remote = SocketAddr::from((PEER, 9));
    for lcore in [0, 1] {
        let id = net.core(lcore).connect(now, remote, None, HOST).expect("opens");
        net.steps(10);
        assert_eq!(
            net.core(lcore).recv(id, &mut [0]),
            Err(SocketError::Connection(ConnectionError::Refused)),
            "nobody listens there"
        );
    }
    for lcore in [0, 1] {
        let now = net.now;
        let id = net.core(lcore).connect(now, remote, None, HOST).expect("opens");
        net.lcores[lcore].poll(now);
        // The SYN gets lost, and a router complains.
        let syn = net.to_peer.pop().expect("a SYN");
        assert!(matches!(packet::parse(&syn), Ok(Packet::Tcp(..))));
        let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
        message.extend(&syn[packet::ETHERNET_HEADER..][..28]);
        let sum = checksum::sum(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut frame = vec![0; 200];
        let macs = (PEER_MAC, OUR_MAC);
        let ends = (PEER, US);
        let start = packet::emit_ipv4(&mut frame, macs, ends, IpProtocol::Icmp, message.len());
        frame.truncate(start);
        frame.extend(&message);
        net.to_us.push(frame);
        net.steps(2);
        assert!(
            matches!(
                net.core(lcore).recv(id, &mut [0]),
                Err(SocketError::Connection(ConnectionError::Icmp(_)))
            ),
            "on lcore {lcore}"
        );
    }
}

#[test]
fn an_lcore_that_does_not_read_costs_frames_and_nothing_else() {
    let mut net = net();
    let at = SocketAddr::from((US, PORT));
    let listeners = [0, 1].map(|lcore| net.core(lcore).listen(at, 64, HOST).expect("listens"));
    let now = net.now;
    for port in 20_000..20_002 {
        net.peer.core_mut().connect(now, at, Some(port), HOST).expect("opens");
    }
    net.steps(50);
    let slow = (20_000..20_002).find(|&port| net.owner(port) == 1).expect("every other");
    assert!(net.lcores[1].poll_timeout().is_none_or(|due| due > net.now));
    // As many ARP packets as its ring holds, and ten more.
    let mut frame = vec![0; 64];
    let len = packet::emit_gratuitous_arp(&mut frame, PEER_MAC, PEER);
    frame.truncate(len);
    let before = net.core(0).counters().passed_on;
    for _ in 0..256 + 10 {
        net.to_us.push(frame.clone());
    }
    for _ in 0..20 {
        net.lcores[0].poll(net.now);
    }
    let counters = *net.core(0).counters();
    assert_eq!((counters.passed_on - before, counters.passed_on_dropped), (256, 10));
    assert!(net.lcores[1].poll_timeout().is_some_and(|due| due <= net.now), "it is to poll");
    net.steps(50);
    let accepted = listeners[1];
    let id = net.core(1).accept(accepted).expect("its connection is there");
    assert_eq!(net.core(1).tuple(id).map(|tuple| tuple.remote.port()), Some(slow));
    assert!(net.core(0).accept(listeners[0]).is_some());
}

#[test]
fn there_are_as_many_lcores_as_entries_at_most() {
    assert_eq!(Shard::set(1)[0].lcore(), 0);
    let set = Shard::set(ENTRIES);
    assert!(set.iter().enumerate().all(|(n, shard)| shard.lcore() == n));
    let remote = SocketAddr::from((PEER, PORT));
    let mut ports = [0; ENTRIES];
    for port in 0..=u16::MAX {
        ports[set[5].lcore_of((US, port).into(), remote)] += 1;
    }
    assert_eq!(ports, [65_536 / ENTRIES; ENTRIES]);
}
