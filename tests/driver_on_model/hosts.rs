//! Two hosts, each with one or two software T5s, on memory links.

use std::net::Ipv4Addr;

use mafo::wire::mem::{self, LinkConfig};
use mafo::{
    AdapterConfig, AsicConfig, Host, HostConfig, Nanos, PortId, SocketError, SocketId, SoftConfig,
    StackConfig,
};

pub const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 1)];

pub struct Net {
    pub hosts: Vec<Host>,
    pub now: Nanos,
}

fn asic(n: usize) -> AsicConfig {
    let mut config = AsicConfig::t540_cr();
    config.seed = 77 + n as u64;
    config.clock_epoch = 1_000_000_007 * (n as u64 + 1);
    config.mac_base = [2, 0, 0, n as u8, 0, 0x10];
    config
}

impl Net {
    /// Two hosts joined by one cable, up and ready.
    pub fn up(_cables: usize) -> Self {
        let (a, b) = mem::link(&LinkConfig::default());
        let wires: [Box<dyn mafo::wire::Wire>; 2] = [Box::new(a), Box::new(b)];
        let hosts = wires
            .into_iter()
            .enumerate()
            .map(|(n, wire)| {
                let mac = [2, 0, 0, 0xff, 0, n as u8];
                let mut stack = StackConfig::new(ADDRESSES[n], 24, mac);
                stack.sockets_max = 16;
                stack.secret = [n as u8 + 1; 16];
                let soft = SoftConfig {
                    asic: asic(n),
                    driver: AdapterConfig::default(),
                    wires: vec![(PortId(0), wire)],
                };
                let config =
                    HostConfig { stack, adapters: vec![soft], links: vec![(0, PortId(0))] };
                Host::new(config).expect("memory")
            })
            .collect();
        let mut net = Self { hosts, now: Nanos::from_secs(1) };
        for _ in 0..20_000 {
            net.step();
            let ready = |host: &Host| {
                host.is_up() && host.bond().is_some_and(|bond| bond.active().is_some())
            };
            if net.hosts.iter().all(ready) {
                return net;
            }
        }
        panic!("not up: {:?}", net.hosts)
    }

    pub fn step(&mut self) {
        for host in &mut self.hosts {
            host.poll(self.now).expect("adapters live");
        }
        self.now += Nanos::from_micros(5);
    }

    /// Sends `len` bytes each way, closes both ends, and checks every byte.
    pub fn transfer(&mut self, ends: [SocketId; 2], len: usize) {
        let (mut sent, mut received, mut eof) = ([0; 2], [0; 2], [false; 2]);
        let mut buf = vec![0; 10_000];
        for _ in 0..4_000_000 {
            self.step();
            for n in 0..2 {
                let sockets = self.hosts[n].sockets_mut();
                if sent[n] < len {
                    let chunk: Vec<u8> = (sent[n]..len.min(sent[n] + 5000)).map(pattern).collect();
                    match sockets.send(ends[n], &chunk) {
                        Ok(k) => sent[n] += k,
                        Err(e) => assert_eq!(e, SocketError::WouldBlock, "send at {n}"),
                    }
                    if sent[n] == len {
                        sockets.shutdown(ends[n]).expect("open");
                    }
                }
                match sockets.recv(ends[n], &mut buf) {
                    Ok(0) => eof[n] = true,
                    Ok(k) => {
                        for (i, &byte) in buf[..k].iter().enumerate() {
                            let at = received[n] + i;
                            assert_eq!(byte, pattern(at), "byte {at} at {n}");
                        }
                        received[n] += k;
                    }
                    Err(e) => assert_eq!(e, SocketError::WouldBlock, "recv at {n}"),
                }
            }
            if eof == [true; 2] {
                assert_eq!(received, [len; 2]);
                return;
            }
        }
        panic!("not through after {:?}: sent {sent:?} received {received:?}", self.now)
    }
}

fn pattern(offset: usize) -> u8 {
    (offset * 7 + offset / 251) as u8
}
