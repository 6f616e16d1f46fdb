//! mafo as one of the two hosts, on either path.

use std::net::{Ipv4Addr, SocketAddr};

use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::wire::mem::MemEnd;
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, Event, Host, HostConfig, ListenerId, Nanos,
    Options, PathChoice, PortId, Readiness, SoftConfig, Stack, StackConfig, WirePort,
};

use super::app::{Endpoint, Role, Wants};
use super::options::Path;
use super::{BenchError, Shape};

/// Where the server listens.
const PORT: u16 = 7000;
/// The client's first port: connection n has the nth.
const FIRST_PORT: u16 = 20_000;
/// Bytes taken from a socket in one call.
const CHUNK: usize = 64 << 10;

/// One of the two hosts.
pub(super) struct Ours {
    host: OnPath,
    role: Role,
    path: PathChoice,
    listener: Option<ListenerId>,
    /// Sockets by the number of their connection.
    sockets: Vec<Option<mafo::SocketId>>,
    /// Connections by the index of their socket.
    numbers: Vec<usize>,
    established: usize,
    chunk: Vec<u8>,
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

impl Ours {
    /// A host at one end of `wire`.
    pub(super) fn new(
        (path, protect): (Path, bool),
        role: Role,
        shape: &Shape,
        wire: MemEnd,
    ) -> Result<Self, BenchError> {
        let (mac, mac_base) = macs(role);
        let mut stack = StackConfig::new(address(role), 24, mac);
        stack.mtu = shape.mtu;
        stack.sockets_max = shape.connections as u32 + 1;
        stack.send_buffer = shape.buffer(stack.send_buffer);
        stack.recv_buffer = shape.buffer(stack.recv_buffer);
        stack.secret = *b"nothing to hide.";
        let (host, path) = match path {
            Path::Offload => {
                let asic = AsicConfig {
                    mac_base,
                    max_frame_len: shape.frame_len(),
                    ..AsicConfig::t540_cr()
                };
                let driver = AdapterConfig { mtu: shape.mtu, ..AdapterConfig::default() };
                let wires = vec![(PortId(0), Box::new(wire) as Box<dyn Wire>)];
                let adapters = vec![SoftConfig { asic, driver, wires }];
                let links = vec![(0, PortId(0))];
                let bond = BondConfig { protect, ..BondConfig::new(links) };
                let host = Host::new(HostConfig::new(stack, adapters, bond))?;
                (OnPath::Offload(Box::new(host)), PathChoice::Offload)
            }
            Path::Host => {
                let memory = (shape.connections + 1) * stack.send_buffer.next_multiple_of(64);
                let arena = Arena::new(memory + (64 << 10))
                    .map_err(|e| BenchError::CannotRun(e.to_string()))?;
                let port = WirePort::new(wire, stack.mac, stack.mtu);
                let mut stack = Stack::new(stack, arena);
                stack.add_port(Box::new(port));
                (OnPath::Host(Box::new(stack)), PathChoice::Host)
            }
        };
        Ok(Self {
            host,
            role,
            path,
            listener: None,
            sockets: vec![None; shape.connections],
            numbers: vec![usize::MAX; shape.connections + 1],
            established: 0,
            chunk: vec![0; CHUNK.max(shape.size)],
        })
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

    /// Listens, or asks for all connections.
    pub(super) fn open(&mut self, now: Nanos) -> Result<(), BenchError> {
        let failed = |what: &dyn std::fmt::Display| BenchError::Failed(what.to_string());
        let options = Options::on(self.path).with_nagle(false);
        match self.role {
            Role::Server => {
                let backlog = self.sockets.len();
                let at = SocketAddr::from((address(self.role), PORT));
                let listener = self.core().listen(at, backlog, options).map_err(|e| failed(&e))?;
                self.listener = Some(listener);
            }
            Role::Client => {
                let server = SocketAddr::from((address(Role::Server), PORT));
                for n in 0..self.sockets.len() {
                    let port = FIRST_PORT + n as u16;
                    let id = self.core().connect(now, server, Some(port), options);
                    self.number(id.map_err(|e| failed(&e))?, n);
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, id: mafo::SocketId, n: usize) {
        self.sockets[n] = Some(id);
        self.numbers[id.index()] = n;
    }

    /// Takes in news of the handshakes; whether all connections are open.
    pub(super) fn is_open(&mut self) -> Result<bool, BenchError> {
        while let Some(event) = self.core().poll_event() {
            match event {
                Event::Incoming(listener) => {
                    while let Some(id) = self.core().accept(listener) {
                        let tuple = self.core().tuple(id).map(|tuple| tuple.remote.port());
                        let n = tuple.and_then(|port| port.checked_sub(FIRST_PORT));
                        if let Some(n) = n.map(usize::from).filter(|&n| n < self.sockets.len()) {
                            self.number(id, n);
                            self.established += 1;
                        }
                    }
                }
                Event::Socket(id, news) if news.contains(Readiness::ERROR) => {
                    return Err(BenchError::Failed(format!("{id:?} could not be opened")));
                }
                Event::Socket(_, news) if self.role == Role::Client => {
                    self.established += usize::from(news.contains(Readiness::CONNECTED));
                }
                Event::Socket(..) => {}
            }
        }
        Ok(self.established == self.sockets.len())
    }

    fn socket(&self, connection: usize) -> mafo::SocketId {
        self.sockets[connection].expect("the application begins when all connections are open")
    }
}

impl Endpoint for Ours {
    fn poll(&mut self, now: Nanos) -> Result<(), BenchError> {
        match &mut self.host {
            OnPath::Offload(host) => host.poll(now)?,
            OnPath::Host(stack) => stack.poll(now),
        }
        Ok(())
    }

    fn flush(&mut self, now: Nanos) {
        self.core().kick(now);
    }

    fn ready(&mut self, wants: Wants, ready: &mut Vec<usize>) {
        let wanted = match wants {
            Wants::ToRead => Readiness::READABLE,
            Wants::ToWrite(_) => Readiness::WRITABLE,
        };
        let core = match &mut self.host {
            OnPath::Offload(host) => host.sockets_mut(),
            OnPath::Host(stack) => stack.core_mut(),
        };
        while let Some(event) = core.poll_event() {
            if let Event::Socket(id, news) = event
                && news.contains(wanted)
            {
                ready.push(self.numbers[id.index()]);
            }
        }
    }

    fn send(&mut self, connection: usize, len: usize, mut write: impl FnMut(&mut [u8])) -> bool {
        let id = self.socket(connection);
        if self.core().send_room(id) < len {
            return false;
        }
        let mut chunk = core::mem::take(&mut self.chunk);
        write(&mut chunk[..len]);
        let sent = self.core().send(id, &chunk[..len]);
        self.chunk = chunk;
        assert_eq!(sent, Ok(len), "connection {connection} had room for {len} bytes");
        true
    }

    fn recv(&mut self, connection: usize, max: usize, mut read: impl FnMut(&[u8])) -> usize {
        let id = self.socket(connection);
        let mut chunk = core::mem::take(&mut self.chunk);
        let mut received = 0;
        while received < max {
            let room = chunk.len().min(max - received);
            match self.core().recv(id, &mut chunk[..room]) {
                Ok(bytes) if bytes > 0 => {
                    read(&chunk[..bytes]);
                    received += bytes;
                }
                // Nothing more for now; or for ever, and then the sum says so.
                Ok(_) | Err(_) => break,
            }
        }
        self.chunk = chunk;
        received
    }
}
