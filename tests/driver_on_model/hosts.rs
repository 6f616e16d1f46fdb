//! Two hosts, each with one or two software T5s, on memory links.

use std::net::Ipv4Addr;

use mafo::eal::clock::Clock;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::wire::{Cable, Switch, SwitchConfig, UnknownUnicast, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Host, HostConfig, Nanos, Options, PathChoice, PortId,
    SocketError, SocketId, SoftConfig, StackConfig,
};

pub(crate) const OFFLOAD: Options = Options::on(PathChoice::Offload);

pub(crate) const ADDRESSES: [Ipv4Addr; 2] =
    [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 1)];

/// A switch that does not flood.
pub(crate) fn quiet() -> SwitchConfig {
    SwitchConfig { unknown_unicast: UnknownUnicast::Drop, ..SwitchConfig::default() }
}

/// Two hosts behind a switch: the first has an adapter A and, with two cables, an adapter B, in one
/// bond; the second has one.
pub(crate) struct Net {
    pub(crate) hosts: Vec<Host>,
    pub(crate) switch: Switch<MemEnd>,
    /// All cables, those of the first host first.
    pub(crate) cables: Vec<Cable>,
    pub(crate) now: Nanos,
    /// Where others have their turns by the clock, so has this.
    pub(crate) clock: Option<Clock>,
}

/// Time to live of the cards' packets: not what they come with.
pub(crate) const TTL: u8 = 61;

/// The MTU table of adapter B, without a size of 1,500.
const MTUS: [u16; 16] =
    [68, 88, 256, 512, 576, 808, 1024, 1280, 1400, 1488, 1496, 2002, 4096, 8192, 9000, 9600];

/// Cards that are unlike in everything that silicon does not fix.
fn asic(n: usize) -> AsicConfig {
    let mut config = AsicConfig::t540_cr();
    config.seed = 77 + n as u64;
    config.clock_epoch = 1_000_000_007_000 * (n as u64 + 1);
    config.cclk_khz = [250_000, 200_000, 250_000, 125_000][n];
    config.mac_base = [2, 0, 0, n as u8, 0, 0x10];
    config
}

pub(crate) fn soft(n: usize, wires: Vec<Box<dyn Wire>>) -> SoftConfig {
    let mut driver = AdapterConfig::default();
    driver.queues.ofld += 64 * n as u16;
    driver.tcp.ttl = Some(TTL);
    if n == 1 {
        // The same sizes by other numbers, and some that the others do not have.
        driver.mtus = Some(MTUS);
    }
    SoftConfig { asic: asic(n), driver, wires: (0..).map(PortId).zip(wires).collect() }
}

impl Net {
    /// Two hosts, up and ready, the first with `cables` adapters.
    pub(crate) fn up(cables: usize) -> Self {
        Self::up_with(cables, |_, wire| Box::new(wire))
    }

    /// The same with something between the first host's adapters and their cables.
    pub(crate) fn up_with(cables: usize, plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>) -> Self {
        Self::up_configured(cables, plug, |_| {})
    }

    /// The same with stacks set up otherwise.
    pub(crate) fn up_configured(
        cables: usize,
        plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>,
        configure: impl Fn(&mut StackConfig),
    ) -> Self {
        Self::up_bonded(cables, plug, |stack, _| configure(stack))
    }

    /// The same with bonds set up otherwise, too.
    pub(crate) fn up_bonded(
        cables: usize,
        mut plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>,
        configure: impl Fn(&mut StackConfig, &mut BondConfig),
    ) -> Self {
        let ours = vec![1; cables];
        let plug =
            |n, wire| if n < cables { plug(n, wire) } else { Box::new(wire) as Box<dyn Wire> };
        Self::up_shaped([&ours, &[1]], plug, configure)
    }

    /// Two hosts with adapters of so many cables each, from port 0 on; `plug` is for all of them, the first host's first.
    pub(crate) fn up_shaped(
        shape: [&[usize]; 2],
        plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>,
        configure: impl Fn(&mut StackConfig, &mut BondConfig),
    ) -> Self {
        let mut net = Self::plugged(shape, plug, configure);
        net.bring_up();
        net
    }

    /// Steps until both hosts are up, and a link of each is active.
    pub(crate) fn bring_up(&mut self) {
        let ready =
            |host: &Host| host.is_up() && host.bond().is_some_and(|bond| bond.active().is_some());
        self.wait(|net| net.hosts.iter().all(ready));
    }

    /// The same before anything has run.
    pub(crate) fn plugged(
        shape: [&[usize]; 2],
        plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>,
        configure: impl Fn(&mut StackConfig, &mut BondConfig),
    ) -> Self {
        let configure = |config: &mut HostConfig| configure(&mut config.stack, &mut config.bond);
        Self::plugged_into(quiet(), shape, plug, configure)
    }

    /// The same with another switch, and with all of a host set up otherwise.
    pub(crate) fn plugged_into(
        switch: SwitchConfig,
        shape: [&[usize]; 2],
        mut plug: impl FnMut(usize, MemEnd) -> Box<dyn Wire>,
        configure: impl Fn(&mut HostConfig),
    ) -> Self {
        let count = shape.iter().flat_map(|adapters| adapters.iter()).sum();
        let (near, mut far): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mem::link(&LinkConfig::default())).unzip();
        let cables = near.iter().map(MemEnd::cable).collect();
        let switch = Switch::new(&switch, far.drain(..));
        let mut wires = near.into_iter().enumerate().map(|(n, wire)| plug(n, wire));
        let mut hosts = Vec::new();
        for (n, ports) in shape.into_iter().enumerate() {
            let mac = [2, 0, 0, 0xff, 0, n as u8];
            let mut stack = StackConfig::new(ADDRESSES[n], 24, mac);
            stack.sockets_max = 128;
            stack.secret = [n as u8 + 1; 16];
            let adapters: Vec<SoftConfig> = (ports.iter().enumerate())
                .map(|(at, &count)| soft(2 * n + at, wires.by_ref().take(count).collect()))
                .collect();
            let links = adapters
                .iter()
                .enumerate()
                .flat_map(|(at, adapter)| adapter.wires.iter().map(move |(port, _)| (at, *port)));
            let bond = BondConfig::new(links);
            let mut config = HostConfig::new(stack, adapters, bond);
            configure(&mut config);
            hosts.push(Host::new(config).expect("memory"));
        }
        Self { hosts, switch, cables, now: Nanos::from_secs(1), clock: None }
    }

    /// Steps until something is so.
    pub(crate) fn wait(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..250_000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("not so after {:?}: {:?}", self.now, self.hosts)
    }

    pub(crate) fn step(&mut self) {
        for host in &mut self.hosts {
            host.poll(self.now).expect("adapters live");
        }
        self.switch.poll(self.now);
        self.now = match &self.clock {
            Some(clock) => {
                std::thread::yield_now();
                clock.now()
            }
            None => self.now + Nanos::from_micros(20),
        };
    }

    /// Steps until what was let go of is given back.
    pub(crate) fn settle(&mut self) {
        let deadline = self.now + Nanos::from_secs(5);
        while self.hosts.iter().any(|host| host.left_over() > 0) {
            self.step();
            assert!(self.now < deadline, "left over: {}", self.hosts[0].left_over());
        }
    }

    /// Opens `n` connections, by turns from either side; (first host's end, second host's end) each.
    pub(crate) fn open(&mut self, n: usize) -> Vec<[SocketId; 2]> {
        self.open_on(n, [OFFLOAD; 2])
    }

    /// The same by such a path at either side.
    pub(crate) fn open_on(&mut self, n: usize, options: [Options; 2]) -> Vec<[SocketId; 2]> {
        let listen = |host: &mut Host, n: usize| {
            let at = (ADDRESSES[n], 7).into();
            host.sockets_mut().listen(at, 64, options[n]).expect("listens")
        };
        let listeners = [listen(&mut self.hosts[0], 0), listen(&mut self.hosts[1], 1)];
        let mut opened = Vec::new();
        for k in 0..n {
            let from = k % 2;
            let remote = (ADDRESSES[1 - from], 7).into();
            let now = self.now;
            let near = self.hosts[from].sockets_mut().connect(now, remote, None, options[from]);
            let near = near.expect("opens");
            let deadline = self.now + Nanos::from_secs(10);
            while self.now < deadline {
                self.step();
                if let Some(far) = self.hosts[1 - from].sockets_mut().accept(listeners[1 - from]) {
                    opened.push(if from == 0 { [near, far] } else { [far, near] });
                    break;
                }
            }
            assert_eq!(opened.len(), k + 1, "connection {k} is not accepted");
        }
        opened
    }

    /// Sends `len` bytes each way, closes both ends, and checks every byte.
    pub(crate) fn transfer(&mut self, ends: [SocketId; 2], len: usize) {
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

pub(crate) fn pattern(offset: usize) -> u8 {
    (offset * 7 + offset / 251) as u8
}
