//! mafo as one of the two hosts, on either path.

use std::net::{Ipv4Addr, SocketAddr};

use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, ConnectError, Core, Event, Footprint, Host, HostConfig,
    ListenerId, Nanos, Options, PathChoice, PortId, Readiness, Shard, SoftConfig, Stack,
    StackConfig, WirePort,
};

use super::app::{Copies, Endpoint, Role, Wants};
use super::cards::{CardCore, Polled};
use super::lending::{LENT_LEAST, Lending};
use super::options::{Path, Work};
use super::{BenchError, Shape};
use crate::tell::{self, TellOptions, Teller, Telling};

/// The first of the ports on which the server listens.
const PORT: u16 = 7000;
/// How many these are, an lcore, where connections come and go. The client's TIME_WAIT keeps the last 65,536 of them, and
/// with two ports there are more pairs of ports than that.
const PORTS: usize = 2;
/// The client's first port. Of those that belong to its lcore connection n has the nth, and, once that is over, those that
/// follow at distances of all connections.
const FIRST_PORT: u16 = 20_000;
/// Connections that differ only in the client's port; so many more go to another of the server's.
const PER_PORT: usize = 40_000;
/// Bytes of a buffer of a connection that is only held: the unit of what a card is told of windows.
const HELD_BUFFER: usize = 1024;
/// Handshakes under way at a time, of connections that are only held: each has a few frames on the link.
const OPENING: usize = 64;

/// After what time a card that stands still is one that has failed.
const HANG_TIMEOUT: Nanos = Nanos::from_secs(60);

/// One of the two hosts.
pub(super) struct Ours {
    host: OnPath,
    role: Role,
    path: PathChoice,
    work: Work,
    /// How often each connection has been opened.
    opened: Vec<usize>,
    /// A connection that has ended before its time.
    failed: Option<String>,
    /// Sockets by the number of their connection.
    sockets: Vec<Option<mafo::SocketId>>,
    /// Connections by the index of their socket.
    numbers: Vec<usize>,
    established: usize,
    /// What each connection has to lend, where that is worth it.
    lending: Vec<Lending>,
    /// The client's ports that belong to this lcore, for each of the server's.
    ports: Vec<Vec<u16>>,
    /// Its card, and the other host's, where another thread polls them.
    cards: Option<Polled>,
    /// If somebody may want to know how it stands, and who answers him.
    teller: Option<Teller>,
    telling: Option<Telling>,
}

/// What a host is made of.
enum OnPath {
    /// Sockets over a driver over a software adapter.
    Offload(Box<Host>),
    /// Sockets over an Ethernet port.
    Host(Box<Stack>),
}

fn address(role: Role) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, if role == Role::Client { 1 } else { 2 })
}

/// The address that the application speaks from, and the first MAC of the adapter.
fn macs(role: Role) -> ([u8; 6], [u8; 6]) {
    let n = if role == Role::Client { 1 } else { 2 };
    ([2, 0x4d, 0x46, 0, 0, n], [2, 0x4d, 0x46, n, 0, 0x10])
}

/// Sockets that an end may have at a time.
fn sockets_of(shape: &Shape) -> usize {
    // Where connections come and go, the next one does not wait until nothing is left of the last.
    shape.connections * if shape.work == Work::Cps { 2 } else { 1 } + 1
}

/// Buffers that each connection lends: as many as the socket would hold.
fn buffers_lent(role: Role, shape: &Shape, send_buffer: usize) -> usize {
    let lends = shape.streams_from(role) && shape.size >= LENT_LEAST;
    if lends { send_buffer / shape.size } else { 0 }
}

fn stack_config(role: Role, shape: &Shape) -> StackConfig {
    let mut stack = StackConfig::new(address(role), 24, macs(role).0);
    stack.mtu = shape.mtu;
    stack.sockets_max = sockets_of(shape) as u32;
    stack.send_buffer = shape.buffer(stack.send_buffer);
    stack.recv_buffer = shape.buffer(stack.recv_buffer);
    stack.secret = *b"nothing to hide.";
    if shape.held {
        (stack.send_buffer, stack.recv_buffer) = (HELD_BUFFER, HELD_BUFFER);
        stack.recv_buffer_max = HELD_BUFFER;
    }
    let buffers = buffers_lent(role, shape, stack.send_buffer);
    stack.lend_memory = shape.connections * buffers * shape.size.next_multiple_of(64);
    stack
}

/// A host with an adapter that has room for `connections`.
fn host_config(
    stack: StackConfig,
    (role, shape, connections): (Role, &Shape, usize),
    protect: bool,
    wire: impl Wire + 'static,
) -> HostConfig {
    let usual = AsicConfig::t540_cr();
    let ntids = usual.ntids.max(connections as u32);
    let asic = AsicConfig {
        mac_base: macs(role).1,
        max_frame_len: shape.frame_len(),
        ntids,
        server_start: ntids,
        filter_start: ntids + usual.nservers,
        ..usual
    };
    // No card dies here, and one whose thread has no processor for a while is not dead.
    let driver =
        AdapterConfig { mtu: shape.mtu, hang_timeout: HANG_TIMEOUT, ..AdapterConfig::default() };
    let wires = vec![(PortId(0), Box::new(wire) as Box<dyn Wire>)];
    let bond = BondConfig { protect, ..BondConfig::new([(0, PortId(0))]) };
    HostConfig::new(stack, [SoftConfig { asic, driver, wires }], bond)
}

impl Ours {
    /// A host at one end of `wire`, or what one lcore has of it.
    pub(super) fn new(
        (path, protect): (Path, bool),
        role: Role,
        shape: &Shape,
        (wire, shard): (impl Wire + 'static, Option<Shard>),
    ) -> Result<Self, BenchError> {
        let stack = stack_config(role, shape);
        if path == Path::Offload {
            let mut host =
                Host::new(host_config(stack, (role, shape, shape.connections), protect, wire))?;
            if let Some(shard) = shard {
                host.set_shard(shard);
            }
            return Self::on(OnPath::Offload(Box::new(host)), role, shape);
        }
        let arena =
            Arena::new(stack.send_memory()).map_err(|e| BenchError::CannotRun(e.to_string()))?;
        let port = WirePort::new(wire, stack.mac, stack.mtu);
        let mut stack = Stack::new(stack, arena);
        if let Some(shard) = shard {
            stack.set_shard(shard);
        }
        stack.add_port(Box::new(port));
        Self::on(OnPath::Host(Box::new(stack)), role, shape)
    }

    /// What each lcore has of a host at one end of `wire`, whose one adapter they share. `shapes` have its connections.
    pub(super) fn on_lcores(
        protect: bool,
        role: Role,
        shapes: &[Shape],
        wire: impl Wire + 'static,
    ) -> Result<Vec<Self>, BenchError> {
        let all = shapes.iter().map(|shape| shape.connections).sum();
        let most = shapes.iter().max_by_key(|shape| shape.connections);
        let most = most.ok_or_else(|| failed("no lcores"))?;
        let config = host_config(stack_config(role, most), (role, most, all), protect, wire);
        let hosts = Host::on_lcores(config, shapes.len())?;
        let each = hosts.into_iter().zip(shapes);
        each.map(|(host, shape)| Self::on(OnPath::Offload(Box::new(host)), role, shape)).collect()
    }

    fn on(host: OnPath, role: Role, shape: &Shape) -> Result<Self, BenchError> {
        let (path, core) = match &host {
            OnPath::Offload(host) => (PathChoice::Offload, host.sockets()),
            OnPath::Host(stack) => (PathChoice::Host, stack.core()),
        };
        let shard = core.shard();
        let is_ours = |port: u16, server: u16| {
            let ends =
                ((address(Role::Client), port).into(), (address(Role::Server), server).into());
            shard.is_none_or(|shard| shard.lcore_of(ends.0, ends.1) == shard.lcore())
        };
        let servers = match shape.work {
            Work::Cps => PORTS * shard.map_or(1, Shard::lcores),
            Work::Rpc | Work::Bulk => shape.connections.div_ceil(PER_PORT),
        };
        let ports = (PORT..PORT + servers as u16)
            .map(|server| (FIRST_PORT..=u16::MAX).filter(|&port| is_ours(port, server)).collect())
            .collect();
        let mut ours = Self {
            host,
            role,
            path,
            work: shape.work,
            opened: vec![0; shape.connections],
            failed: None,
            sockets: vec![None; shape.connections],
            numbers: vec![usize::MAX; sockets_of(shape)],
            established: 0,
            ports,
            lending: Vec::new(),
            cards: None,
            teller: None,
            telling: None,
        };
        let buffers = buffers_lent(role, shape, stack_config(role, shape).send_buffer);
        if buffers > 0 {
            let lending =
                (0..shape.connections).map(|_| Lending::new(ours.core_ref(), buffers, shape.size));
            ours.lending = lending.collect::<Result<_, _>>()?;
        }
        Ok(ours)
    }

    /// Sends `len` bytes, all of a buffer of the connection's own; `false` if none has come back.
    fn lend(&mut self, connection: usize, write: impl FnOnce(&mut [u8])) -> bool {
        let id = self.socket(connection);
        let Some(lent) = self.lending[connection].make(write) else { return false };
        let sent = self.core().send_lent(id, lent);
        assert!(sent.is_ok(), "connection {connection}: {sent:?}");
        true
    }

    /// Gives the cards of both hosts to `core`, which goes by this one's time.
    pub(super) fn part_with_cards(
        &mut self,
        other: &mut Self,
        core: &CardCore,
    ) -> Result<(), BenchError> {
        let ends = [&mut self.host, &mut other.host];
        let runners = ends.into_iter().filter_map(|end| match end {
            OnPath::Offload(host) => Some(host.part_with_cards()),
            OnPath::Host(_) => None,
        });
        self.cards = Some(core.poll(runners.collect())?);
        Ok(())
    }

    /// Has both hosts, which are up, tell how they stand, if somebody wants that.
    pub(super) fn tell(ends: &mut [Self; 2], options: &TellOptions) -> Result<(), BenchError> {
        let sockets = ends[0].numbers.len();
        let say = |text| eprintln!("{text}");
        let (telling, tellers) =
            tell::start(options, (ends.len(), sockets), say).map_err(BenchError::CannotRun)?;
        for (end, mut teller) in ends.iter_mut().zip(tellers) {
            match &end.host {
                OnPath::Offload(host) => teller.learn_names(&**host),
                OnPath::Host(stack) => teller.learn_names(&**stack),
            }
            end.teller = Some(teller);
        }
        ends[0].telling = telling;
        Ok(())
    }

    /// Whether connections can be opened and accepted.
    pub(super) fn is_up(&self) -> bool {
        match &self.host {
            OnPath::Offload(host) => host.is_up(),
            OnPath::Host(_) => true,
        }
    }

    fn core(&mut self) -> &mut Core {
        match &mut self.host {
            OnPath::Offload(host) => host.sockets_mut(),
            OnPath::Host(stack) => stack.core_mut(),
        }
    }

    fn core_ref(&self) -> &Core {
        match &self.host {
            OnPath::Offload(host) => host.sockets(),
            OnPath::Host(stack) => stack.core(),
        }
    }

    /// Listens, or asks for all connections, unless the application does.
    pub(super) fn open(&mut self, now: Nanos) -> Result<(), BenchError> {
        match (self.role, self.work) {
            (Role::Server, _) => {
                let backlog = self.sockets.len();
                let options = self.options();
                for port in (PORT..).take(self.ports.len()) {
                    let at = SocketAddr::from((address(self.role), port));
                    self.core().listen(at, backlog, options).map_err(failed)?;
                }
            }
            (Role::Client, Work::Rpc | Work::Bulk) => {
                for n in 0..self.sockets.len().min(OPENING) {
                    self.connect(now, n)?;
                }
            }
            (Role::Client, Work::Cps) => {}
        }
        Ok(())
    }

    fn options(&self) -> Options {
        Options::on(self.path).with_nagle(false)
    }

    /// How often a connection is opened until its ports come again.
    fn rounds(&self) -> usize {
        self.ports.len() * self.rounds_by_server().max(1)
    }

    fn rounds_by_server(&self) -> usize {
        self.ports.iter().map(Vec::len).min().unwrap_or(0) / self.sockets.len()
    }

    /// The ports of connection `n` at either end when it is opened for the `round`th time.
    fn ports_of(&self, n: usize, round: usize) -> (u16, u16) {
        let each = self.rounds_by_server();
        if each == 0 {
            // So many that each server's port has some of them.
            let (server, at) = (n / PER_PORT, n % PER_PORT);
            return (self.ports[server][at], PORT + server as u16);
        }
        let (turn, server) = (round % each, round / each % self.ports.len());
        (self.ports[server][turn * self.sockets.len() + n], PORT + server as u16)
    }

    /// The number of a connection between these ports.
    fn number_of(&self, port: u16, server: u16) -> Option<usize> {
        let ports = self.ports.get(usize::from(server.checked_sub(PORT)?))?;
        // With one lcore they have no gaps.
        let at = usize::from(port.checked_sub(FIRST_PORT)?);
        let at = if ports.get(at) == Some(&port) { at } else { ports.binary_search(&port).ok()? };
        let before =
            if self.rounds_by_server() == 0 { usize::from(server - PORT) * PER_PORT } else { 0 };
        Some((before + at) % self.sockets.len())
    }

    /// Takes a connection that was opened by the client; its number.
    fn accept(&mut self, listener: ListenerId) -> Option<usize> {
        loop {
            let id = self.core().accept(listener)?;
            // Nobody else is on this link.
            let Some(tuple) = self.core().tuple(id) else { continue };
            let Some(n) = self.number_of(tuple.remote.port(), tuple.local.port()) else { continue };
            self.number(id, n);
            return Some(n);
        }
    }

    fn number(&mut self, id: mafo::SocketId, n: usize) {
        self.sockets[n] = Some(id);
        self.numbers[id.index()] = n;
    }

    /// Takes in news of the handshakes; whether all connections are open.
    pub(super) fn is_open(&mut self, now: Nanos) -> Result<bool, BenchError> {
        if self.work == Work::Cps {
            return Ok(true);
        }
        while let Some(event) = self.core().poll_event() {
            match event {
                Event::Incoming(listener) => {
                    while self.accept(listener).is_some() {
                        self.established += 1;
                    }
                }
                Event::Socket(id, news) if news.contains(Readiness::ERROR) => {
                    return Err(BenchError::Failed(format!("{id:?} could not be opened")));
                }
                Event::Socket(_, news)
                    if self.role == Role::Client && news.contains(Readiness::CONNECTED) =>
                {
                    self.established += 1;
                    let next = self.established + OPENING - 1;
                    if next < self.sockets.len() {
                        self.connect(now, next)?;
                    }
                }
                Event::Socket(..) | Event::Arrived(..) => {}
            }
        }
        Ok(self.established == self.sockets.len())
    }

    /// Bytes that connections take: of the host, of its adapter, and of buffers for payload.
    pub(super) fn footprint(&self) -> (usize, usize, usize) {
        let Footprint { state, payload } = self.core_ref().footprint();
        let card = match &self.host {
            OnPath::Offload(host) => host.adapter(0).map_or(0, mafo::SoftAdapter::footprint),
            OnPath::Host(_) => 0,
        };
        (state, card, payload)
    }

    /// Bytes of what this module itself keeps of each connection.
    pub(super) fn own_footprint(&self) -> usize {
        let ports: usize = self.ports.iter().map(|ports| size_of_val(&**ports)).sum();
        size_of_val(&*self.sockets)
            + size_of_val(&*self.numbers)
            + size_of_val(&*self.opened)
            + ports
    }

    fn socket(&self, connection: usize) -> mafo::SocketId {
        self.sockets[connection].expect("the application goes on with connections that there are")
    }
}

impl Endpoint for Ours {
    fn poll(&mut self, now: Nanos) -> Result<(), BenchError> {
        if let Some(why) = self.failed.take() {
            return Err(BenchError::Failed(why));
        }
        if let Some(cards) = &self.cards {
            cards.advance(now);
        }
        match (&mut self.host, &mut self.teller) {
            (OnPath::Offload(host), None) => host.poll(now)?,
            (OnPath::Host(stack), None) => stack.poll(now),
            (OnPath::Offload(host), Some(teller)) => {
                host.poll(now)?;
                teller.turn(now, &mut **host, true);
            }
            (OnPath::Host(stack), Some(teller)) => {
                stack.poll(now);
                teller.turn(now, &mut **stack, true);
            }
        }
        Ok(())
    }

    fn flush(&mut self, now: Nanos) {
        self.core().kick(now);
    }

    fn ready(&mut self, wants: Wants, ready: &mut Vec<usize>) {
        let wanted = match wants {
            Wants::News => Readiness::NONE,
            Wants::ToRead => Readiness::READABLE,
            Wants::ToWrite(_) => Readiness::WRITABLE,
        };
        while let Some(event) = self.core().poll_event() {
            match event {
                Event::Socket(id, news) if news.contains(Readiness::ERROR) => {
                    self.failed = Some(format!("{id:?} ended before its time"));
                }
                Event::Socket(id, news) if news.contains(wanted) => {
                    ready.push(self.numbers[id.index()]);
                }
                Event::Socket(..) | Event::Arrived(..) => {}
                Event::Incoming(listener) => {
                    while let Some(n) = self.accept(listener) {
                        ready.push(n);
                    }
                }
            }
        }
    }

    fn send(&mut self, connection: usize, len: usize, write: impl FnMut(&mut [u8])) -> bool {
        if !self.lending.is_empty() {
            return self.lend(connection, write);
        }
        let id = self.socket(connection);
        if self.core().send_room(id) < len {
            return false;
        }
        let sent = self.core().send_in_place(id, len, write);
        assert_eq!(sent, Ok(len), "connection {connection} had room for {len} bytes");
        true
    }

    fn recv(&mut self, connection: usize, max: usize, read: impl FnMut(&[u8])) -> usize {
        let id = self.socket(connection);
        // Nothing for now; or for ever, and then it is missing in the end.
        self.core().recv_in_place(id, max, read).unwrap_or(0)
    }

    fn connect(&mut self, now: Nanos, connection: usize) -> Result<(), BenchError> {
        let (options, rounds) = (self.options(), self.rounds());
        // One that has got far ahead of the others passes by what is still in TIME_WAIT.
        for tried in 1..=rounds {
            let (port, server) = self.ports_of(connection, self.opened[connection]);
            self.opened[connection] += 1;
            let server = SocketAddr::from((address(Role::Server), server));
            match self.core().connect(now, server, Some(port), options) {
                Ok(id) => {
                    self.number(id, connection);
                    return Ok(());
                }
                Err(ConnectError::AddrInUse(_)) if tried < rounds => {}
                Err(why) => return Err(failed(why)),
            }
        }
        Err(failed("no round of ports"))
    }

    fn is_open(&self, connection: usize) -> bool {
        self.sockets[connection].is_some_and(|id| self.core_ref().is_established(id))
    }

    fn shut(&mut self, connection: usize) -> Result<(), BenchError> {
        let id = self.socket(connection);
        self.core().shutdown(id).map_err(failed)
    }

    fn has_ended(&mut self, connection: usize) -> bool {
        let id = self.socket(connection);
        self.core_ref().peek(id, &mut [0]) == Ok(0)
    }

    fn is_over(&self, connection: usize) -> bool {
        self.core_ref().is_over(self.socket(connection))
    }

    fn let_go(&mut self, now: Nanos, connection: usize) {
        if let Some(id) = self.sockets[connection].take() {
            self.core().close(now, id);
        }
    }

    fn copies(&self) -> Copies {
        // Into the socket, unless it is lent, and, by the host's engine or the card, into the frame; from what the engine or
        // the driver was given into the socket, and out of that.
        let (out, into) = (if self.lending.is_empty() { 2 } else { 1 }, 2);
        let OnPath::Offload(host) = &self.host else {
            return Copies { out, into, by_adapters: 0, doorbells: 0 };
        };
        let stats = host.xstats();
        let sum = |start: &str, end: &str| {
            let named = |name: &str| name.starts_with(start) && name.ends_with(end);
            stats.iter().filter(|stat| named(&stat.name)).map(|stat| stat.value).sum()
        };
        let (by_adapters, doorbells) = (sum("card", "freelist_bytes"), sum("driver", "_doorbells"));
        Copies { out, into, by_adapters, doorbells }
    }
}

fn failed(what: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(what.to_string())
}
