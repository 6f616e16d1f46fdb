//! Two hosts of two lcores each over a link with a queue an lcore: all that a connection says stays between lcores of one
//! number.

use std::net::{Ipv4Addr, SocketAddr};

use mafo::eal::dma::Arena;
use mafo::wire::impair::Impairments;
use mafo::wire::mem::LinkConfig;
use mafo::wire::multiqueue::link;
use mafo::{
    Nanos, Options, PathChoice, Shard, SocketError, SocketId, Stack, StackConfig, WirePort,
};

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)];
const HOST: Options = Options::on(PathChoice::Host);
const LCORES: usize = 2;
/// Connections of each lcore.
const CONNECTIONS: usize = 6;
const BYTES: usize = 20_000;

/// The stacks of client and server, by lcore.
fn hosts(config: &LinkConfig) -> [Vec<Stack>; 2] {
    let (a, b) = link(config, LCORES);
    let mut n = 0;
    [a, b].map(|ends| {
        let (address, mac) = (ADDRESSES[n], [2, 0, 0, 0, 0, n as u8 + 1]);
        n += 1;
        let lcore = |(end, shard)| {
            let mut config = StackConfig::new(address, 24, mac);
            config.sockets_max = 32;
            config.send_buffer = 1 << 16;
            config.secret = [mac[5]; 16];
            let mut stack = Stack::new(config, Arena::ordinary(4 << 20).expect("memory"));
            stack.add_port(Box::new(WirePort::new(end, mac, 1500)));
            stack.set_shard(shard);
            stack
        };
        ends.into_iter().zip(Shard::set(LCORES)).map(lcore).collect()
    })
}

fn byte(lcore: usize, connection: usize, at: usize) -> u8 {
    (lcore * 101 + connection * 17 + at + at / 255) as u8
}

/// Everything that each lcore's clients send comes to the server's lcore of the same number. The hosts' frames counted.
fn run(config: &LinkConfig) -> [Vec<mafo_stack::Counters>; 2] {
    let [mut clients, mut servers] = hosts(config);
    let at = SocketAddr::from((ADDRESSES[1], 7));
    let mut now = Nanos::from_secs(1);
    let listeners: Vec<_> = servers
        .iter_mut()
        .map(|server| server.core_mut().listen(at, 64, HOST).expect("listens"))
        .collect();
    let sockets: Vec<Vec<SocketId>> = clients
        .iter_mut()
        .map(|client| {
            (0..CONNECTIONS)
                .map(|_| client.core_mut().connect(now, at, None, HOST).expect("opens"))
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
    let counted = run(&LinkConfig::default());
    for host in &counted {
        // The first one hears all ARP: two questions of the clients, or an answer to each.
        assert_eq!(host.iter().map(|c| c.passed_on).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(host.iter().map(|c| c.rx_arp).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(host.iter().map(|c| c.tx_resets + c.listen_early).sum::<u64>(), 0);
    }
}

#[test]
fn so_it_does_over_a_bad_cable() {
    let bad = Impairments {
        loss: mafo::wire::impair::Probability::new(0.02).expect("a probability"),
        ..Impairments::NONE
    };
    let config = LinkConfig { seed: 5, ..LinkConfig::default() }.with_impairments(bad);
    for host in run(&config) {
        assert_eq!(host.iter().map(|c| c.passed_on - c.rx_arp).sum::<u64>(), 0, "ARP alone");
    }
}
