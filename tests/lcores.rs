//! Two hosts of two lcores each over a link with a queue an lcore: all that a connection says stays between lcores of one
//! number.

use std::net::{Ipv4Addr, SocketAddr};

use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::wire::impair::{Impairments, Probability};
use mafo::wire::mem::LinkConfig;
use mafo::wire::multiqueue::{QueueEnd, link};
use mafo::wire::spread::spread;
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, FrameBurst, Host, HostConfig, Nanos, Options,
    PathChoice, PortId, Shard, SocketError, SocketId, SoftConfig, Stack, StackConfig, WirePort,
};

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)];
const LCORES: usize = 2;
/// Connections of each lcore.
const CONNECTIONS: usize = 6;
const BYTES: usize = 20_000;

/// What one lcore has of a host.
enum Node {
    Sockets(Box<Stack>),
    Adapter(Box<Host>),
}

impl Node {
    fn new(path: PathChoice, n: usize, (end, shard): (QueueEnd, Shard)) -> Self {
        let mac = [2, 0, 0, 0, 0, n as u8 + 1];
        let mut config = StackConfig::new(ADDRESSES[n], 24, mac);
        config.sockets_max = 32;
        config.send_buffer = 1 << 16;
        config.secret = [mac[5]; 16];
        if path == PathChoice::Host {
            let mut stack = Stack::new(config, Arena::ordinary(4 << 20).expect("memory"));
            stack.add_port(Box::new(WirePort::new(end, mac, 1500)));
            stack.set_shard(shard);
            return Self::Sockets(Box::new(stack));
        }
        let asic = AsicConfig { mac_base: [2, 0, 0, 1, n as u8, 0x10], ..AsicConfig::t540_cr() };
        let wires = vec![(PortId(0), Box::new(end) as _)];
        let adapter = SoftConfig { asic, driver: AdapterConfig::default(), wires };
        let bond = BondConfig::new([(0, PortId(0))]);
        let host = Host::simulated(HostConfig::new(config, [adapter], bond));
        let mut host = host.expect("memory");
        host.set_shard(shard);
        Self::Adapter(Box::new(host))
    }

    fn poll(&mut self, now: Nanos) {
        match self {
            Self::Sockets(stack) => stack.poll(now),
            Self::Adapter(host) => host.poll(now).expect("nothing fails"),
        }
    }

    fn is_up(&self) -> bool {
        match self {
            Self::Sockets(_) => true,
            Self::Adapter(host) => host.is_up(),
        }
    }

    fn core(&self) -> &Core {
        match self {
            Self::Sockets(stack) => stack.core(),
            Self::Adapter(host) => host.sockets(),
        }
    }

    fn core_mut(&mut self) -> &mut Core {
        match self {
            Self::Sockets(stack) => stack.core_mut(),
            Self::Adapter(host) => host.sockets_mut(),
        }
    }
}

/// The client and the server, by lcore, up at the time that is said.
fn hosts(path: PathChoice, config: &LinkConfig) -> ([Vec<Node>; 2], Nanos) {
    let (a, b) = link(config, LCORES);
    let host = |n, ends: Vec<QueueEnd>| {
        ends.into_iter().zip(Shard::set(LCORES)).map(|end| Node::new(path, n, end)).collect()
    };
    let mut hosts: [Vec<Node>; 2] = [host(0, a), host(1, b)];
    let mut now = Nanos::from_secs(1);
    while !hosts.iter().flatten().all(Node::is_up) {
        hosts.iter_mut().flatten().for_each(|node| node.poll(now));
        now += Nanos::from_micros(20);
        assert!(now < Nanos::from_secs(60), "adapters come up");
    }
    (hosts, now)
}

fn byte(lcore: usize, connection: usize, at: usize) -> u8 {
    (lcore * 101 + connection * 17 + at + at / 255) as u8
}

/// Everything that each lcore's clients send comes to the server's lcore of the same number. The hosts' frames counted.
fn run(path: PathChoice, config: &LinkConfig) -> [Vec<mafo_stack::Counters>; 2] {
    let ([mut clients, mut servers], mut now) = hosts(path, config);
    let (at, options) = (SocketAddr::from((ADDRESSES[1], 7)), Options::on(path));
    let listeners: Vec<_> = servers
        .iter_mut()
        .map(|server| server.core_mut().listen(at, 64, options).expect("listens"))
        .collect();
    // Adapters hear of their listeners.
    for _ in 0..20 {
        servers.iter_mut().for_each(|node| node.poll(now));
        now += Nanos::from_micros(20);
    }
    let sockets: Vec<Vec<SocketId>> = clients
        .iter_mut()
        .map(|client| {
            (0..CONNECTIONS)
                .map(|_| client.core_mut().connect(now, at, None, options).expect("opens"))
                .collect()
        })
        .collect();
    let mut sent = [[0; CONNECTIONS]; LCORES];
    let mut accepted: [Vec<(usize, SocketId, usize)>; LCORES] = Default::default();
    for turn in 0..400_000_usize {
        for (lcore, (client, server)) in clients.iter_mut().zip(&mut servers).enumerate() {
            // Lcores go at different speeds.
            if !turn.is_multiple_of(lcore + 1) {
                continue;
            }
            client.poll(now);
            server.poll(now);
            let core = client.core_mut();
            for (n, sent) in sent[lcore].iter_mut().enumerate() {
                let piece: Vec<u8> =
                    (*sent..BYTES.min(*sent + 3000)).map(|at| byte(lcore, n, at)).collect();
                match core.send(sockets[lcore][n], &piece) {
                    Ok(bytes) => *sent += bytes,
                    Err(error) => assert_eq!(error, SocketError::WouldBlock),
                }
            }
            let core = server.core_mut();
            while let Some(id) = core.accept(listeners[lcore]) {
                let peer = core.tuple(id).expect("open").remote;
                let of = |&id: &SocketId| {
                    client.core().tuple(id).is_some_and(|tuple| tuple.local == peer)
                };
                let n = sockets[lcore].iter().position(of).expect("of the same lcore");
                accepted[lcore].push((n, id, 0));
            }
            for (n, id, received) in &mut accepted[lcore] {
                let mut buf = [0; 4096];
                match core.recv(*id, &mut buf) {
                    Ok(bytes) => {
                        for (at, &got) in buf[..bytes].iter().enumerate() {
                            assert_eq!(got, byte(lcore, *n, *received + at));
                        }
                        *received += bytes;
                    }
                    Err(error) => assert_eq!(error, SocketError::WouldBlock),
                }
            }
        }
        now += Nanos::from_micros(20);
        let whole = |all: &Vec<(usize, SocketId, usize)>| {
            all.len() == CONNECTIONS && all.iter().all(|&(_, _, received)| received == BYTES)
        };
        if accepted.iter().all(whole) {
            return [clients, servers]
                .map(|host| host.iter().map(|stack| *stack.core().counters()).collect());
        }
    }
    panic!("not through: {accepted:?}")
}

#[test]
fn an_lcore_talks_to_the_lcore_of_its_number() {
    for host in run(PathChoice::Host, &LinkConfig::default()) {
        // The first one hears all ARP: two questions of the clients, or an answer to each.
        assert_eq!(host.iter().map(|c| c.passed_on).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(host.iter().map(|c| c.rx_arp).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(host.iter().map(|c| c.tx_resets + c.listen_early).sum::<u64>(), 0);
    }
}

#[test]
fn so_it_does_through_adapters() {
    for host in run(PathChoice::Offload, &LinkConfig::default()) {
        assert_eq!(host[0].passed_on, host[0].rx_arp, "ARP alone");
        assert_eq!(host[1].passed_on + host[1].rx_arp, 0, "{host:?}");
        assert_eq!(host.iter().map(|c| c.tx_resets + c.listen_early).sum::<u64>(), 0);
    }
}

#[test]
fn so_it_does_over_a_bad_cable() {
    let loss = Probability::new(0.02).expect("a probability");
    let bad = Impairments { loss, ..Impairments::NONE };
    let config = LinkConfig { seed: 5, ..LinkConfig::default() }.with_impairments(bad);
    for path in [PathChoice::Host, PathChoice::Offload] {
        for host in run(path, &config) {
            assert_eq!(host.iter().map(|c| c.passed_on - c.rx_arp).sum::<u64>(), 0, "ARP alone");
        }
    }
}

/// A link that brings ARP to every lcore: each learns from what it hears itself, and the host answers once.
#[test]
fn where_all_hear_arp_the_first_answers() {
    let config = LinkConfig::default();
    let (near, mut far) = mafo::wire::mem::link(&config);
    let cable = near.cable();
    let (mut spreader, ends) = spread(near, &cable, &config, LCORES);
    let mac = [2, 0, 0, 0, 0, 2];
    let shards = Shard::set(LCORES).into_iter().map(Shard::hears_arp);
    let mut stacks: Vec<Stack> = (ends.into_iter().zip(shards))
        .map(|(end, shard)| {
            let config = StackConfig::new(ADDRESSES[1], 24, mac);
            let mut stack = Stack::new(config, Arena::ordinary(1 << 20).expect("memory"));
            stack.add_port(Box::new(WirePort::new(end, mac, 1500)));
            stack.set_shard(shard);
            stack
        })
        .collect();
    // Who has 10.77.0.2? Tell 10.77.0.1.
    let mut request = vec![0xff; 6];
    request.extend([2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    request.extend([2, 0, 0, 0, 0, 1, 10, 77, 0, 1]);
    request.extend([0, 0, 0, 0, 0, 0, 10, 77, 0, 2]);
    let mut frames = FrameBurst::new(8, 2048);
    frames.push(&request).expect("room");
    let mut now = Nanos::from_secs(1);
    spreader.poll(now);
    assert_eq!(far.tx_burst(now, frames.frames()), 1);
    for _ in 0..4 {
        spreader.poll(now);
        stacks.iter_mut().for_each(|stack| stack.poll(now));
        now += Nanos::from_micros(20);
    }
    let heard = stacks.iter().map(|stack| *stack.core().counters());
    let heard: Vec<_> = heard.map(|c| (c.rx_arp, c.passed_on)).collect();
    assert_eq!(heard, [(1, 0), (1, 0)]);
    frames.clear();
    assert_eq!(far.rx_burst(now, &mut frames), 1, "one answer");
    assert_eq!(frames.frames()[0].as_slice()[20..22], [0, 2], "which is one");
    // Each lcore knows the way: its connections ask nobody.
    for stack in &mut stacks {
        let options = Options::on(PathChoice::Host);
        let to = SocketAddr::from((ADDRESSES[0], 7));
        stack.core_mut().connect(now, to, None, options).expect("opens");
        stack.poll(now);
    }
    spreader.poll(now);
    frames.clear();
    assert_eq!(far.rx_burst(now, &mut frames), LCORES);
    assert!(frames.frames().iter().all(|frame| frame.as_slice()[12..14] == [0x08, 0x00]), "SYNs");
}
