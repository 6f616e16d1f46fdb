//! The two hosts and what lies between them.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use mafo::eal::clock::Clock;
use mafo::eal::lcore;
use mafo::wire::bell::Bell;
use mafo::wire::impair::{Impairments, Probability};
use mafo::wire::mem::LinkConfig;
use mafo::wire::pcap::{Pcap, PcapWriter};
use mafo::wire::spread::{Spreader, spread};
use mafo::wire::tap::{Tap, TapFds};
use mafo::wire::{BlackHole, Cable, Impaired, ImpairedConfig, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Handover, Host, HostConfig, HostError, L2tIdx, LinkId,
    MemberConfig, MemberId, Nanos, PortId, Shard, Slot, SoftConfig, StackConfig, WirePort,
};

use super::adapters::{Card, Member};
use super::capture::{CaptureFile, Failure};
use super::cost::Costs;
use super::fault::Fault;
use super::idle::{Idle, LONGEST, SHORT, Sleeper};
use super::lcore::{Crew, Node, Present};
use super::options::{PeerKind, Protect, RigOptions};
use super::run::{RigError, say};
use super::sniff::{Fins, Seen, Sniffer};
use super::trunk::Trunk;
use crate::config;
use crate::other::Other;
use crate::peer::{End, Isolation, KernelPeer, PeerConfig, PeerError, Plan};
use crate::smoltcp_peer::{SmoltcpConfig, SmoltcpPeer};
use crate::tell::{self, Telling};

/// Frames that a memory link holds: enough for a window of each of some dozen connections, since an
/// overflow costs smoltcp, which does not know SACK, a timeout.
const LINK_FRAMES: usize = 4096;
/// How often paths are probed where one dies, unless the options of the bond say otherwise.
const ARP_INTERVAL: Nanos = Nanos::from_millis(10);
/// Sockets beside those of the connections.
const SPARE_SOCKETS: u32 = 16;
/// Largest IP packet of all links.
const MTU: u16 = 1500;

/// After what time a bridge that floods forgets an address.
const FLOODING_AGEING: Duration = Duration::from_secs(1);

/// The near end of a cable.
pub(super) struct Near {
    pub(super) wire: Box<dyn Wire>,
    pub(super) cable: Cable,
    /// What can be read when something has come, of a wire that does not know when that will be.
    pub(super) wakers: Vec<OwnedFd>,
}

/// One of our cables, as the rig holds it.
pub(crate) struct Line {
    /// Adapter and port, as `A0`.
    pub(crate) name: String,
    /// The same, as the bond calls it.
    pub(crate) link: LinkId,
    /// Whether the bond of each lcore has been told that it is up.
    pub(crate) up: Vec<bool>,
    /// It counts as down there though its cable has a carrier.
    pub(crate) is_dead: Vec<bool>,
    pub(crate) cable: Cable,
    pub(crate) seen: Arc<Seen>,
}

impl Line {
    /// Whether all lcores know that it is up.
    pub(crate) fn is_up(&self) -> bool {
        self.up.iter().all(|&up| up)
    }
}

/// The other host, and why it is this one.
pub(crate) struct Peer {
    pub(crate) host: Other,
    /// Its name in reports.
    pub(crate) name: &'static str,
    /// Why it was chosen.
    pub(crate) why: String,
}

/// Everything that runs.
pub(crate) struct World {
    /// What the first lcore has, which is the thread that has all this.
    pub(super) node: Node,
    /// What the others have.
    pub(super) crew: Crew,
    /// The lcore of each connection.
    pub(super) owners: Vec<usize>,
    pub(super) present: Arc<Present>,
    /// Where several lcores share the lines.
    spreaders: Vec<Spreader<Box<dyn Wire>>>,
    pub(crate) peer: Peer,
    pub(crate) plan: Plan,
    /// In the order of the bond's links.
    pub(crate) lines: Vec<Line>,
    /// Where the bond's links are one to a switch.
    pub(super) trunk: Option<Trunk>,
    /// What became of the captures of the lines.
    pub(super) captures: Vec<Failure>,
    /// Members that are no adapters.
    pub(super) ports: [bool; 2],
    /// What can be read when something has come by a cable.
    wakers: Vec<OwnedFd>,
    /// Who tells of it.
    _telling: Option<Telling>,
}

impl World {
    /// One turn of what the first lcore has, and of the cables; whether there was anything to do.
    pub(super) fn poll(&mut self, now: Nanos) -> Result<bool, HostError> {
        let mut has_moved = self.trunk.as_mut().is_some_and(|trunk| trunk.poll(now));
        for spreader in &mut self.spreaders {
            has_moved |= spreader.poll(now) > 0;
        }
        has_moved |= self.node.turn(now)?;
        for spreader in &mut self.spreaders {
            has_moved |= spreader.poll(now) > 0;
        }
        // Who sleeps when there is nothing to do needs all that it gets when there is something.
        if self.crew.shares_cores && self.node.sleeper.is_none() {
            std::thread::yield_now();
        }
        Ok(has_moved)
    }

    /// The first lcore sleeps after a turn, if it may and there is nothing to do: until anything that it polls has a timer
    /// or something that has come, until `next`, or until `stop` can be read. Whether it has slept.
    ///
    /// A cable that nobody reads, since its card is dead or asks the other end to wait, keeps it awake as long as something
    /// waits there.
    pub(super) fn rest(
        &mut self,
        is_busy: bool,
        next: Option<Nanos>,
        stop: Option<BorrowedFd<'_>>,
    ) -> io::Result<bool> {
        let Some(mut sleeper) = self.node.sleeper.take() else { return Ok(false) };
        let rounds = self.node.rounds();
        // The pipe to the peer has no room: nobody tells when it has.
        let longest = if self.peer.host.has_waiting() { SHORT } else { LONGEST };
        let (host, spreaders, trunk) = (&self.node.host, &self.spreaders, &self.trunk);
        let (waker, mut smoltcp) = self.peer.host.wakers();
        let due = || {
            let spreaders = spreaders.iter().filter_map(Spreader::poll_timeout);
            let trunk = trunk.as_ref().and_then(Trunk::poll_timeout);
            let peer = smoltcp.as_mut().and_then(|peer| peer.poll_timeout());
            let others = [host.poll_timeout(), trunk, peer, next].into_iter().flatten();
            spreaders.chain(others).min()
        };
        let descriptors = self.wakers.iter().map(AsFd::as_fd).chain(waker).chain(stop);
        let has_slept = sleeper.rest((is_busy, rounds), longest, descriptors, due);
        self.node.sleeper = Some(sleeper);
        has_slept
    }

    /// Whether all lcores know that all links are up.
    pub(super) fn is_whole(&self) -> bool {
        self.lines.iter().all(Line::is_up)
    }

    /// How many connections each lcore has, if there are several.
    pub(super) fn shares(&self) -> Option<String> {
        let lcores = self.crew.len() + 1;
        let of = |lcore| self.owners.iter().filter(|&&owner| owner == lcore).count().to_string();
        (lcores > 1).then(|| (0..lcores).map(of).collect::<Vec<_>>().join(", "))
    }

    /// Ends everything; the names of the lines, and what is wrong with their captures, which are whole now.
    pub(super) fn end(self) -> Result<(Vec<String>, Vec<String>), PeerError> {
        let Self { node, crew, spreaders, trunk, captures, lines, peer, .. } = self;
        let mut failures = Vec::new();
        if let Some(capture) = peer.host.stop()? {
            if capture.lost > 0 {
                say(format_args!("peer.pcap lacks {} frames", capture.lost));
            }
            let error = capture.error.map(io::Error::from_raw_os_error);
            failures.extend(error.map(|error| format!("peer.pcap: {error}")));
        }
        crew.end();
        drop((node, spreaders, trunk));
        failures.extend(captures.iter().filter_map(|failure| failure.get().cloned()));
        Ok((lines.into_iter().map(|line| line.name).collect(), failures))
    }
}

/// Which ports have cables: all of them are links of the bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Only another adapter can take over.
    OnePortEach,
    /// Another port of the same adapter can.
    TwoPortsEach,
}

impl Layout {
    /// Member and port of each link, the most preferred first. What is no adapter has one port alone.
    fn links(self, members: [Member; 2]) -> Vec<(usize, PortId)> {
        let ports = |member| match (self, member) {
            (Self::TwoPortsEach, Member::Card(_)) => 0..2,
            _ => 0..1,
        };
        let of = |(n, member)| ports(member).map(move |port| (n, PortId(port)));
        members.into_iter().enumerate().flat_map(of).collect()
    }
}

/// Cards that are unlike in everything that silicon does not fix: nothing may work because two numbers
/// happen to be equal.
fn asic(adapter: usize, card: Card, seed: u64) -> AsicConfig {
    let mut config = card.config();
    config.meter = Costs::meter();
    config.seed = seed.wrapping_mul(31).wrapping_add(adapter as u64);
    if adapter == 1 {
        config.cclk_khz = 200_000;
        config.clock_epoch = 0x5_1234_5678_9abc;
        config.mac_base = [0x02, 0x4d, 0x46, 0x0b, 0x00, 0x40];
        config.l2t_start = L2tIdx(config.l2t_start.0 + 7);
        config.vin_start += 3;
    } else {
        config.clock_epoch = 0x77_0000_0000_1111;
        config.mac_base = [0x02, 0x4d, 0x46, 0x0a, 0x00, 0x10];
    }
    config
}

/// What initial sequence numbers are made from.
fn secret(seed: u64) -> [u8; 16] {
    let mut secret = [0; 16];
    secret[..8].copy_from_slice(&seed.to_le_bytes());
    secret[8..].copy_from_slice(&seed.rotate_left(29).to_be_bytes());
    secret
}

/// Builds both hosts and joins them.
pub(crate) fn build(
    options: &RigOptions,
    fault: Fault,
    handover: Handover,
    (start, clock): (SystemTime, Clock),
) -> Result<World, RigError> {
    let policy = config::policy(options.config.as_deref(), options.policy.as_deref())
        .map_err(RigError::CannotRun)?;
    if options.one_card {
        check_one_card(options)?;
    }
    let plan = plan(options.connections);
    let lcores = usize::from(options.lcores);
    let cores = if lcores > 1 { Crew::cores(lcores) } else { None };
    let links = fault.layout().links(options.adapters.0);
    let cables = if options.is_xor() { 1 } else { links.len() };
    let (peer, mut near) = choose(options, &plan, cables as u8, start)?;
    let wakers: Vec<OwnedFd> = near.iter_mut().flat_map(|near| near.wakers.drain(..)).collect();
    let bells = bells(options)?;
    let mut trunk = None;
    if options.is_xor()
        && let Some(peer) = near.pop()
    {
        let (switch, cables) = Trunk::new(peer, links.len(), &link_config());
        (trunk, near) = (Some(switch), cables);
    }
    let mut wires: Vec<Vec<Plug>> = (0..lcores).map(|_| Vec::new()).collect();
    let (mut lines, mut spreaders) = (Vec::new(), Vec::new());
    let mut captures = Vec::new();
    let fins = Fins::default();
    for (n, (near, (adapter, port))) in near.into_iter().zip(links.iter().copied()).enumerate() {
        let name = format!("{}{}", ['A', 'B'][adapter], port.0);
        let cable = near.cable.clone();
        let mut wire = plug(options, near, n)?;
        if let Some(dir) = &options.pcap {
            let (captured, failure) = capture(wire, &dir.join(format!("{name}.pcap")), start)?;
            captures.push(failure);
            wire = captured;
        }
        let (sniffer, seen) = Sniffer::new(wire, clock, Fins::clone(&fins));
        let link = LinkId { member: MemberId(adapter as u8), port };
        let sniffer = Box::new(sniffer) as Box<dyn Wire>;
        if lcores == 1 || options.one_card {
            // A card spreads by itself.
            wires[0].push((adapter, port, sniffer));
        } else {
            let (mut spreader, mut ends) = spread(sniffer, &cable, &link_config(), lcores);
            for (lcore, (bell, end)) in bells.iter().zip(&mut ends).enumerate() {
                spreader.ring_on_receive(lcore, Arc::clone(bell));
                end.ring_on_send(Arc::clone(&bells[0]));
            }
            spreaders.push(spreader);
            for (wires, end) in wires.iter_mut().zip(ends) {
                wires.push((adapter, port, Box::new(end)));
            }
        }
        let (up, is_dead) = (vec![false; lcores], vec![false; lcores]);
        lines.push(Line { name, link, up, is_dead, cable, seen });
    }
    let protect = options.protect == Protect::On;
    let mut bond =
        BondConfig { handover, protect, meter: Costs::meter(), ..BondConfig::new(links) };
    if let Some(options) = &options.bond {
        options.apply(&mut bond);
    }
    if fault.needs_probes() && bond.arp_interval == Nanos::ZERO {
        (bond.arp_interval, bond.arp_ip_target) = (ARP_INTERVAL, vec![plan.peers[0]]);
    }
    let (owners, mut shards) = shares(&plan, options.connections, lcores);
    for shard in shards.iter_mut().flatten() {
        for (lcore, bell) in bells.iter().enumerate() {
            shard.wake_by(lcore, Waker::from(Arc::clone(bell)));
        }
    }
    let (present, mut nodes) = (Arc::new(Present::default()), Vec::new());
    let seen: Vec<_> = lines.iter().map(|line| (line.link, Arc::clone(&line.seen))).collect();
    let of = |lcore| owners.iter().filter(|&&owner| owner == lcore).count() as u32;
    let hosts = if options.one_card {
        let most = (0..lcores).map(of).max().unwrap_or(0);
        let (config, _) = host((options, most), &plan, bond, wires.swap_remove(0));
        let hosts = Host::on_lcores(config, lcores).map_err(cannot_run)?;
        hosts.into_iter().map(|host| (host, [None, None])).collect()
    } else {
        let mut hosts = Vec::new();
        for (lcore, (shard, wires)) in shards.into_iter().zip(wires).enumerate() {
            let (config, slots) = host((options, of(lcore)), &plan, bond.clone(), wires);
            let mut host = Host::new(config).map_err(cannot_run)?;
            if let Some(shard) = shard {
                host.set_shard(shard);
            }
            hosts.push((host, slots));
        }
        hosts
    };
    let sockets = options.connections as usize + SPARE_SOCKETS as usize;
    let (telling, tellers) =
        tell::start(&options.tell, (lcores, sockets), |text| say(format_args!("{text}")))
            .map_err(RigError::CannotRun)?;
    let mut tellers = tellers.into_iter();
    for (lcore, (mut host, slots)) in hosts.into_iter().enumerate() {
        if lcore == 0 {
            host.warnings().iter().for_each(|warning| say(format_args!("bond: {warning}")));
        }
        host.sockets_mut().set_policy(policy.clone());
        let now = (clock, Arc::clone(&present));
        let sleeper = bells.get(lcore).map(|bell| Sleeper::new(Arc::clone(bell), clock));
        nodes.push(Node::new(
            (host, slots),
            plan.clone(),
            seen.clone(),
            now,
            (sleeper, tellers.next()),
        ));
    }
    let node = nodes.remove(0);
    let crew = Crew::start(nodes, cores.as_deref(), (clock, bells.first().cloned()))?;
    if let Some(cores) = cores {
        lcore::pin(cores[0]).map_err(|e| RigError::CannotRun(e.to_string()))?;
    }
    let ports = options.adapters.0.map(|member| member == Member::Eth);
    Ok(World {
        node,
        crew,
        owners,
        present,
        spreaders,
        peer,
        plan,
        lines,
        trunk,
        captures,
        ports,
        wakers,
        _telling: telling,
    })
}

/// By which each lcore is woken; none where nobody sleeps.
fn bells(options: &RigOptions) -> Result<Vec<Arc<Bell>>, RigError> {
    let bell = |_| Bell::new().map_err(|e| RigError::CannotRun(format!("no eventfd: {e}")));
    match options.idle {
        Idle::Poll => Ok(Vec::new()),
        Idle::Sleep => (0..options.lcores).map(bell).collect(),
    }
}

/// A cable for a port of a member.
type Plug = (usize, PortId, Box<dyn Wire>);

/// The lcore of each connection, and the place of each lcore if there are several.
fn shares(plan: &Plan, connections: u32, lcores: usize) -> (Vec<usize>, Vec<Option<Shard>>) {
    if lcores == 1 {
        return (vec![0; connections as usize], vec![None]);
    }
    let shards: Vec<Shard> = Shard::set(lcores).into_iter().map(Shard::hears_arp).collect();
    let opener = |id: u32| if id < connections.div_ceil(2) { End::Ours } else { End::Peer };
    let owner = |id| {
        let ends = plan.endpoints(id, opener(id));
        ends.map_or(0, |ends| shards[0].lcore_of(ends.ours.into(), ends.peer.into()))
    };
    ((0..connections).map(owner).collect(), shards.into_iter().map(Some).collect())
}

fn link_config() -> LinkConfig {
    LinkConfig { queue_frames: LINK_FRAMES, ..LinkConfig::default() }
}

fn plan(connections: u32) -> Plan {
    let per_address = u32::from(Plan::default().ports_per_address);
    let addresses = connections.div_ceil(per_address).max(1);
    let peers =
        (0..addresses).map(|n| Ipv4Addr::new(10, 77, 0, if n == 0 { 1 } else { 10 + n as u8 }));
    Plan { peers: peers.collect(), ..Plan::default() }
}

/// The peer that was asked for, or the best that this system allows.
fn choose(
    options: &RigOptions,
    plan: &Plan,
    cables: u8,
    start: SystemTime,
) -> Result<(Peer, Vec<Near>), RigError> {
    if let Some(dir) = &options.pcap {
        std::fs::create_dir_all(dir)
            .map_err(|e| RigError::CannotRun(format!("{}: {e}", dir.display())))?;
    }
    match options.peer {
        PeerKind::Smoltcp => smoltcp(options, plan, cables, (start, "asked for".to_owned())),
        PeerKind::Kernel => kernel(options, plan, cables).map_err(RigError::CannotRun),
        PeerKind::Auto => match kernel(options, plan, cables) {
            Ok(kernel) => Ok(kernel),
            Err(why) => smoltcp(options, plan, cables, (start, why)),
        },
    }
}

fn smoltcp(
    options: &RigOptions,
    plan: &Plan,
    cables: u8,
    (start, why): (SystemTime, String),
) -> Result<(Peer, Vec<Near>), RigError> {
    let config = SmoltcpConfig {
        plan: plan.clone(),
        cables,
        mtu: MTU,
        connections: options.connections,
        seed: options.seed,
        pcap: options.pcap.as_ref().map(|dir| dir.join("peer.pcap")),
        epoch: start,
        link: link_config(),
        ..SmoltcpConfig::default()
    };
    let (peer, ends) =
        SmoltcpPeer::start(config).map_err(|e| RigError::CannotRun(e.to_string()))?;
    let near =
        // They are polled by the thread that polls the peer: nobody has to be woken.
        ends.into_iter()
            .map(|end| Near { cable: end.cable(), wire: Box::new(end), wakers: Vec::new() })
            .collect();
    Ok((Peer { host: Other::Smoltcp(Box::new(peer)), name: "smoltcp", why }, near))
}

fn kernel(options: &RigOptions, plan: &Plan, cables: u8) -> Result<(Peer, Vec<Near>), String> {
    let config = PeerConfig {
        plan: plan.clone(),
        taps: cables,
        mtu: u32::from(MTU),
        flood: options.floods(),
        ageing: options.floods().then_some(FLOODING_AGEING),
        connections: options.connections,
        seed: options.seed,
        pcap: options.pcap.as_ref().map(|dir| dir.join("peer.pcap")),
        ..PeerConfig::default()
    };
    let (kernel, fds) = KernelPeer::start(config).map_err(|e| format!("no kernel peer: {e}"))?;
    let mut near = Vec::new();
    for tap in fds {
        let mut wakers = Vec::new();
        if options.idle == Idle::Sleep {
            for fd in [&tap.fd, &tap.link] {
                wakers.push(fd.try_clone().map_err(|e| format!("a TAP's descriptors: {e}"))?);
            }
        }
        let tap =
            Tap::from_fds(TapFds { tap: tap.fd, route: tap.link }).map_err(|e| e.to_string())?;
        near.push(Near { cable: tap.cable(), wire: Box::new(tap), wakers });
    }
    let why = match kernel.isolation() {
        Isolation::Privileged => "this process may make network namespaces",
        Isolation::UserNamespace => "this system grants user namespaces",
    };
    let asked = if options.peer == PeerKind::Kernel { "asked for; " } else { "" };
    let why = format!("{asked}{why}");
    Ok((Peer { host: Other::Kernel(kernel), name: "kernel", why }, near))
}

/// A cable with what it is to suffer.
fn plug(options: &RigOptions, near: Near, n: usize) -> Result<Box<dyn Wire>, RigError> {
    let loss = Probability::new(options.loss).map_err(|e| RigError::CannotRun(e.to_string()))?;
    let delay = Nanos(options.delay.as_nanos() as u64);
    let impairments = Impairments { loss, delay, ..Impairments::default() };
    if impairments.is_none() {
        return Ok(Box::new(BlackHole::new(near.wire, &near.cable)));
    }
    let config = ImpairedConfig {
        mtu: usize::from(MTU),
        tx: impairments,
        rx: impairments,
        seed: options.seed.wrapping_add(1000 + n as u64),
        ..ImpairedConfig::default()
    };
    let mut impaired = Impaired::new(near.wire, &config);
    impaired.note_lost(&near.cable);
    Ok(Box::new(BlackHole::new(impaired, &near.cable)))
}

fn capture(
    wire: Box<dyn Wire>,
    path: &Path,
    start: SystemTime,
) -> Result<(Box<dyn Wire>, Failure), RigError> {
    let create = || {
        let (file, failure) = CaptureFile::create(path)?;
        Ok((PcapWriter::new(file, start)?, failure))
    };
    let (writer, failure) =
        create().map_err(|e: io::Error| RigError::CannotRun(format!("{}: {e}", path.display())))?;
    Ok((Box::new(Pcap::new(wire, writer)), failure))
}

fn cannot_run(why: HostError) -> RigError {
    RigError::CannotRun(why.to_string())
}

/// What cannot be shared.
fn check_one_card(options: &RigOptions) -> Result<(), RigError> {
    let why = if options.lcores < 2 {
        "--one-card is what several lcores share: name as many to --lcores"
    } else if options.adapters.0.contains(&Member::Eth) {
        "--one-card is about adapters, and eth is none"
    } else if options.idle == Idle::Sleep {
        "--one-card is polled: its doorbells wake nobody, so --idle is poll"
    } else {
        return Ok(());
    };
    Err(RigError::CannotRun(why.to_owned()))
}

/// A host that has room for `connections`, or what one lcore has of it.
fn host(
    (options, connections): (&RigOptions, u32),
    plan: &Plan,
    bond: BondConfig,
    mut wires: Vec<Plug>,
) -> (HostConfig, [Option<Slot>; 2]) {
    let mac = [0x02, 0x4d, 0x46, 0x00, 0x00, 0x02];
    let mut stack = StackConfig::new(plan.ours, plan.prefix_len, mac);
    stack.mtu = MTU;
    stack.sockets_max = connections + SPARE_SOCKETS;
    stack.secret = secret(options.seed);
    stack.send_buffer = options.buffer();
    stack.recv_buffer = options.buffer();
    let mut slots = [None, None];
    let mut members: Vec<MemberConfig> = Vec::new();
    for (n, member) in options.adapters.0.into_iter().enumerate() {
        let of_it = wires.extract_if(.., |(adapter, ..)| *adapter == n);
        let mut wires = of_it.map(|(_, port, wire)| (port, wire));
        match (member, wires.next()) {
            (Member::Eth, Some((_, wire))) => {
                let port = WirePort::new(wire, [0x02, 0x4d, 0x46, 0x0e, n as u8, 0x20], MTU);
                slots[n] = Some(port.slot());
                members.push(MemberConfig::Port(Box::new(port)));
            }
            (Member::Card(card), first) => {
                let wires = first.into_iter().chain(wires).collect();
                members.push(adapter(options, n, card, wires).into());
            }
            (Member::Eth, None) => {}
        }
    }
    (HostConfig::new(stack, members, bond), slots)
}

fn adapter(
    options: &RigOptions,
    n: usize,
    card: Card,
    wires: Vec<(PortId, Box<dyn Wire>)>,
) -> SoftConfig {
    let mut driver = AdapterConfig { mtu: MTU, ..AdapterConfig::default() };
    if n == 1 {
        driver.queues.ingress = 2048;
        driver.queues.ofld = 1536;
        driver.queues.eth = 768;
    }
    let mut asic = asic(n, card, options.seed);
    asic.max_delay_polls = options.polls_late();
    SoftConfig { asic, driver, wires }
}
