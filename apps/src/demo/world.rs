//! The two hosts and what lies between them.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use mafo::wire::impair::{Impairments, Probability};
use mafo::wire::pcap::{Pcap, PcapWriter};
use mafo::wire::tap::{Tap, TapFds};
use mafo::wire::{Cable, Impaired, ImpairedConfig, Wire};
use mafo::{AdapterConfig, AsicConfig, Host, HostConfig, Nanos, PortId, SoftConfig, StackConfig};

use super::options::{DemoOptions, Fault, PeerKind};
use super::run::DemoError;
use super::sniff::{Seen, Sniffer};
use crate::peer::{Command, Event, Isolation, KernelPeer, PeerConfig, Plan};

/// Largest IP packet of all links.
const MTU: u16 = 1500;

/// The other host.
pub(super) struct Peer {
    kernel: KernelPeer,
    /// Its name in reports.
    pub(super) name: &'static str,
    /// Why it was chosen.
    pub(super) why: String,
}

impl Peer {
    pub(super) fn command(&mut self, command: Command) -> Result<(), DemoError> {
        self.kernel.command(command).map_err(|e| DemoError::Failed(format!("the peer: {e}")))
    }

    /// The next thing that the peer says.
    pub(super) fn poll(&mut self, _now: Nanos) -> Result<Option<Event>, DemoError> {
        self.kernel.poll().map_err(|e| DemoError::Failed(format!("the peer: {e}")))
    }

    /// Ends the peer; its capture is complete then.
    pub(super) fn stop(self) -> Result<(), DemoError> {
        self.kernel.stop().map(|_| ()).map_err(|e| DemoError::Failed(format!("the peer: {e}")))
    }
}

/// One of our cables, as the demo holds it.
pub(super) struct Line {
    /// Adapter and port, as `A0`.
    pub(super) name: String,
    pub(super) cable: Cable,
    pub(super) seen: Arc<Seen>,
}

/// Everything that runs.
pub(super) struct World {
    pub(super) host: Host,
    pub(super) peer: Peer,
    pub(super) plan: Plan,
    /// In the order of the bond's links.
    pub(super) lines: Vec<Line>,
}

/// Where each of the bond's two links is: adapter and port.
fn links(fault: Fault) -> [(usize, PortId); 2] {
    match fault {
        Fault::Link => [(0, PortId(0)), (1, PortId(0))],
        Fault::Port => [(0, PortId(0)), (0, PortId(1))],
    }
}

/// Cards that are unlike in everything that silicon does not fix: nothing may work because two numbers
/// happen to be equal.
fn asic(adapter: usize, seed: u64) -> AsicConfig {
    let mut config = AsicConfig::t540_cr();
    config.seed = seed.wrapping_mul(31).wrapping_add(adapter as u64);
    if adapter == 1 {
        config.cclk_khz = 200_000;
        config.clock_epoch = 0x5_1234_5678_9abc;
        config.mac_base = [0x02, 0x4d, 0x46, 0x0b, 0x00, 0x40];
        config.l2t_start = mafo_l2t(config.l2t_start, 7);
        config.vin_start += 3;
    } else {
        config.clock_epoch = 0x77_0000_0000_1111;
        config.mac_base = [0x02, 0x4d, 0x46, 0x0a, 0x00, 0x10];
    }
    config
}

fn mafo_l2t(start: mafo::L2tIdx, by: u16) -> mafo::L2tIdx {
    mafo::L2tIdx(start.0 + by)
}

/// A large seed in a small one's place is as good: distinct inputs, distinct outputs.
fn secret(seed: u64) -> [u8; 16] {
    let mut secret = [0; 16];
    secret[..8].copy_from_slice(&seed.to_le_bytes());
    secret[8..].copy_from_slice(&seed.rotate_left(29).to_be_bytes());
    secret
}

/// Builds both hosts and joins them.
pub(super) fn build(options: &DemoOptions, start: SystemTime) -> Result<World, DemoError> {
    let plan = plan(options.connections);
    let (peer, taps) = kernel(options, &plan)?;
    let mut wires = Vec::new();
    let mut lines = Vec::new();
    for (n, (tap, (adapter, port))) in taps.into_iter().zip(links(options.fault)).enumerate() {
        let name = format!("{}{}", ['A', 'B'][adapter], port.0);
        let cable = tap.cable();
        let wire = plug(options, tap, n, &name, start)?;
        let (sniffer, seen) = Sniffer::new(wire);
        lines.push(Line { name, cable, seen });
        wires.push((adapter, port, Box::new(sniffer) as Box<dyn Wire>));
    }
    let host = host(options, &plan, wires)?;
    Ok(World { host, peer, plan, lines })
}

fn plan(connections: u32) -> Plan {
    let per_address = u32::from(Plan::default().ports_per_address);
    let addresses = connections.div_ceil(per_address).max(1);
    let peers =
        (0..addresses).map(|n| Ipv4Addr::new(10, 77, 0, if n == 0 { 1 } else { 10 + n as u8 }));
    Plan { peers: peers.collect(), ..Plan::default() }
}

fn kernel(options: &DemoOptions, plan: &Plan) -> Result<(Peer, Vec<Tap>), DemoError> {
    if options.peer == PeerKind::Smoltcp {
        return Err(DemoError::CannotRun("the smoltcp peer is not built yet".to_owned()));
    }
    let config = PeerConfig {
        plan: plan.clone(),
        taps: 2,
        mtu: u32::from(MTU),
        connections: options.connections,
        seed: options.seed,
        pcap: options.pcap.as_ref().map(|dir| dir.join("peer.pcap")),
        ..PeerConfig::default()
    };
    if let Some(dir) = &options.pcap {
        std::fs::create_dir_all(dir)
            .map_err(|e| DemoError::CannotRun(format!("{}: {e}", dir.display())))?;
    }
    let started = KernelPeer::start(config);
    let (kernel, fds) =
        started.map_err(|e| DemoError::CannotRun(format!("no kernel peer: {e}")))?;
    let taps: Result<Vec<Tap>, _> =
        fds.into_iter().map(|tap| Tap::from_fds(TapFds { tap: tap.fd, route: tap.link })).collect();
    let taps = taps.map_err(|e| DemoError::CannotRun(e.to_string()))?;
    let why = match kernel.isolation() {
        Isolation::Privileged => "this process may make network namespaces",
        Isolation::UserNamespace => "this system grants user namespaces",
    };
    let asked = if options.peer == PeerKind::Kernel { "asked for; " } else { "" };
    Ok((Peer { kernel, name: "kernel", why: format!("{asked}{why}") }, taps))
}

/// A cable with what it is to suffer, and a capture at its end.
fn plug(
    options: &DemoOptions,
    tap: Tap,
    n: usize,
    name: &str,
    start: SystemTime,
) -> Result<Box<dyn Wire>, DemoError> {
    let loss = Probability::new(options.loss).map_err(|e| DemoError::CannotRun(e.to_string()))?;
    let delay = Nanos(options.delay.as_nanos() as u64);
    let impairments = Impairments { loss, delay, ..Impairments::default() };
    let wire: Box<dyn Wire> = if impairments.is_none() {
        Box::new(tap)
    } else {
        let config = ImpairedConfig {
            mtu: usize::from(MTU),
            tx: impairments,
            rx: impairments,
            seed: options.seed.wrapping_add(1000 + n as u64),
            ..ImpairedConfig::default()
        };
        Box::new(Impaired::new(tap, &config))
    };
    match &options.pcap {
        Some(dir) => capture(wire, &dir.join(format!("{name}.pcap")), start),
        None => Ok(wire),
    }
}

fn capture(
    wire: Box<dyn Wire>,
    path: &Path,
    start: SystemTime,
) -> Result<Box<dyn Wire>, DemoError> {
    let writer = PcapWriter::create(path, start)
        .map_err(|e| DemoError::CannotRun(format!("{}: {e}", path.display())))?;
    Ok(Box::new(Pcap::new(wire, writer)))
}

fn host(
    options: &DemoOptions,
    plan: &Plan,
    wires: Vec<(usize, PortId, Box<dyn Wire>)>,
) -> Result<Host, DemoError> {
    let mac = [0x02, 0x4d, 0x46, 0x00, 0x00, 0x02];
    let mut stack = StackConfig::new(plan.ours, plan.prefix_len, mac);
    stack.mtu = MTU;
    stack.sockets_max = options.connections + 16;
    stack.secret = secret(options.seed);
    let count = wires.iter().map(|(adapter, ..)| adapter + 1).max().unwrap_or(0);
    let mut adapters: Vec<SoftConfig> = (0..count)
        .map(|n| {
            let mut driver = AdapterConfig { mtu: MTU, ..AdapterConfig::default() };
            if n == 1 {
                driver.queues.ingress = 2048;
                driver.queues.ofld = 1536;
                driver.queues.eth = 768;
            }
            SoftConfig { asic: asic(n, options.seed), driver, wires: Vec::new() }
        })
        .collect();
    for (adapter, port, wire) in wires {
        adapters[adapter].wires.push((port, wire));
    }
    let links = links(options.fault).to_vec();
    Host::new(HostConfig { stack, adapters, links })
        .map_err(|e| DemoError::CannotRun(e.to_string()))
}
