//! Linux as both hosts: sockets in two network namespaces, joined by a pair of veth devices.
//!
//! ```text
//!   the bench's thread ── epoll ── sockets ┐              ┌ sockets ── epoll ── a thread beside it
//!                         its namespace    └ veth ── veth ┘    the other namespace
//! ```
//!
//! Each application has a thread, and sleeps until there is something to do; both share the bench's core so far, to which the
//! process is pinned before the second one is looked for. The namespaces have no names,
//! and end with the process, however that ends.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mafo::Nanos;
use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::eal::lcore;
use mafo::failover::Distribution;

use super::app::{Application, Copies, Endpoint, Role, Wants};
use super::contest::{PATIENCE, Turns, compare};
use super::figures::{Counts, Slice, own_cycles};
use super::options::{BenchOptions, Work};
use super::{BenchError, Shape};
use crate::netlink::{Netlink, Request};
use crate::sys::{self, Epoll, Ready};

/// The server's first port: connection n has the nth.
const PORT: u16 = 7000;
/// Ports of a pair of hosts.
const PORTS: u16 = 2048;
/// Events taken from epoll at once.
const EVENTS: usize = 64;
/// Marks the token of a listening socket.
const LISTENS: u64 = 1 << 32;
const DEVICES: [&str; 2] = ["mafo0", "mafo1"];
const PREFIX_LEN: u8 = 24;
/// Linux' own default; a system's may be another.
const CONGESTION: &str = "cubic";

fn address(role: Role) -> Ipv4Addr {
    Ipv4Addr::new(10, 79, 0, if role == Role::Client { 1 } else { 2 })
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> BenchError {
    move |why| BenchError::Failed(format!("Linux: {what}: {why}"))
}

/// Two hosts. The thread that makes them lives in the client's from then on.
pub(super) struct World {
    server: File,
}

impl World {
    /// Needs the right to make namespaces and devices.
    pub(super) fn new(mtu: u16) -> Result<Self, BenchError> {
        let cannot = |why: io::Error| {
            let help = "it makes two network namespaces, which root may (CAP_SYS_ADMIN and CAP_NET_ADMIN): run it as root, \
                        or leave the kernel out";
            BenchError::CannotRun(format!("--vs kernel: {help} ({why})"))
        };
        let server = thread::spawn(enter_new)
            .join()
            .map_err(|_| failed("a thread")(ErrorKind::Other.into()))?;
        let server = server.map_err(cannot)?;
        enter_new().map_err(cannot)?;
        let there = (DEVICES[1], server.as_fd());
        Netlink::open()
            .and_then(|mut netlink| {
                netlink.request(Request::new_veth(DEVICES[0], there, mtu.into()))
            })
            .map_err(cannot)?;
        let world = Self { server };
        plug_in(Role::Client).map_err(failed("the client's device"))?;
        world.at_server(|| plug_in(Role::Server)).map_err(failed("the server's device"))?;
        Ok(world)
    }

    /// Does something in the server's namespace.
    fn at_server<T: Send>(&self, what: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let there = || {
            sys::enter_network(&self.server)?;
            what()
        };
        let done = thread::scope(|scope| scope.spawn(there).join());
        done.unwrap_or_else(|_| Err(ErrorKind::Other.into()))
    }
}

/// Leaves the calling thread's network namespace for a new one, and opens that.
fn enter_new() -> io::Result<File> {
    sys::unshare(libc::CLONE_NEWNET)?;
    File::open("/proc/thread-self/ns/net")
}

/// Brings a host's device up: no segment is larger than the MTU, every checksum is computed and verified.
fn plug_in(role: Role) -> io::Result<()> {
    let name = DEVICES[usize::from(role == Role::Server)];
    let index = sys::interface_index(name)?;
    let mut netlink = Netlink::open()?;
    netlink.request(Request::new_address(index, address(role), PREFIX_LEN))?;
    let socket = sys::ioctl_socket()?;
    sys::no_transmit_offload(&socket, name)?;
    sys::no_receive_offload(&socket, name)?;
    // More ports make it easier for Linux to find a free one. Where this cannot be written it has to do with fewer.
    let _ = std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
    netlink.request(Request::set_up(index, true))
}

/// The cores of both ends: `first`, and another if there is one.
fn cores(first: usize) -> [usize; 2] {
    let other = lcore::offered().into_iter().find(|&core| core != first);
    [first, other.unwrap_or(first)]
}

/// How it is set, in words.
pub(super) fn settings(core: usize) -> String {
    let [client, server] = cores(core);
    format!(
        "two namespaces, veth, no segmentation offload, checksums in software, cubic, no Nagle, epoll; the client's thread \
         on core {client}, the server's on {server}; time is what these were busy by /proc/stat, softirqs included, and \
         so with whatever others do there"
    )
}

/// How long cores have been busy in all, by whatever.
fn busy(cores: [usize; 2]) -> Nanos {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let both = if cores[0] == cores[1] { &cores[..1] } else { &cores[..] };
    let ticks: u64 = both.iter().map(|&core| busy_ticks(&stat, core)).sum();
    Nanos(ticks * (1_000_000_000 / sys::ticks_per_second()))
}

/// Both hosts at work.
pub(super) struct Linux {
    client: (Kernel, Application),
    server: (Kernel, Application),
    cores: [usize; 2],
    work: Work,
    clock: Clock,
}

/// How long a thread sleeps at most before it looks whether its turn is over.
const NAP: Duration = Duration::from_millis(5);

impl Linux {
    /// Both hosts of `world`, connected, at work on `core` and another. The pairs of one world do not meet.
    pub(super) fn new(
        options: &BenchOptions,
        shape: &Shape,
        (world, core): (&World, usize),
        pair: u16,
    ) -> Result<Self, BenchError> {
        let end = |role| -> Result<_, BenchError> {
            let application = Application::new(shape, role);
            Ok((Kernel::new(world, role, shape, PORT + pair * PORTS)?, application))
        };
        let (mut client, mut server) = (end(Role::Client)?, end(Role::Server)?);
        let clock = Clock::start();
        client.0.open()?;
        while !(client.0.are_open() & server.0.are_open()) {
            if clock.now() > PATIENCE {
                return Err(BenchError::Failed("Linux' connections did not come up".to_owned()));
            }
        }
        #[cfg(debug_assertions)]
        if options.hooks.spoils() {
            client.1.spoil();
        }
        #[cfg(not(debug_assertions))]
        let _ = options;
        for (kernel, application) in [&mut client, &mut server] {
            application.begin(clock.now(), kernel)?;
        }
        Ok(Self { client, server, cores: cores(core), work: shape.work, clock })
    }

    /// Both work for `length`; processor time of both threads.
    fn run(&mut self, length: Duration) -> Result<Nanos, BenchError> {
        let (over, clock, start) = (AtomicBool::new(false), self.clock, self.clock.now());
        let end = start + Nanos(length.as_nanos() as u64);
        let ((kernel, application), core) = (&mut self.server, self.cores[1]);
        let serve = || -> Result<Nanos, BenchError> {
            lcore::pin(core).map_err(|e| BenchError::Failed(e.to_string()))?;
            while !over.load(Ordering::Relaxed) {
                kernel.poll(clock.now())?;
                application.turn(clock.now(), kernel)?;
            }
            Ok(thread_cpu_time())
        };
        let (kernel, application) = &mut self.client;
        thread::scope(|scope| {
            let server = scope.spawn(serve);
            let before = thread_cpu_time();
            let mut ask = || -> Result<Nanos, BenchError> {
                while clock.now() < end {
                    kernel.poll(clock.now())?;
                    application.turn(clock.now(), kernel)?;
                }
                Ok(thread_cpu_time() - before)
            };
            let client = ask();
            over.store(true, Ordering::Relaxed);
            let server = server.join();
            let server =
                server.unwrap_or_else(|_| Err(failed("a thread")(ErrorKind::Other.into())));
            Ok(client? + server?)
        })
    }
}

impl Turns for Linux {
    fn done(&self) -> u64 {
        match self.work {
            Work::Rpc | Work::Cps => self.client.1.done(),
            Work::Bulk => self.client.1.done() + self.server.1.done(),
        }
    }

    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError> {
        self.client.1.take_times();
        let bytes = |this: &Self| {
            let [client, server] = [&this.client.1, &this.server.1].map(Application::bytes);
            client.0 + client.1 + server.0 + server.1
        };
        let (done, copied, was_busy) = (self.done(), bytes(self), busy(self.cores));
        let (clock, cycles) = (Clock::start(), sys::cycles());
        let cpu = self.run(length)?;
        let (time, cycles) = (clock.now(), sys::cycles() - cycles);
        // The system counts in ticks, which may be more than a short slice has.
        let cpu = cpu.max(busy(self.cores) - was_busy);
        let mut times = self.client.1.take_times();
        if self.work == Work::Bulk {
            // When each send arrived nobody has seen: the reader is on another thread.
            let (client, server) = (&mut self.client.1, &mut self.server.1);
            client.note_arrivals(self.clock.now(), server);
            server.note_arrivals(self.clock.now(), client);
            client.take_times();
            server.take_times();
            times = Distribution::default();
        }
        Ok(Slice {
            done: self.done() - done,
            cpu,
            cycles: own_cycles(cycles, cpu, time) as u64,
            // Into the sender's buffers and out of the receiver's; veth hands frames over as they are.
            counts: Counts { copied: bytes(self) - copied, ..Counts::default() },
            times,
        })
    }

    fn work(&mut self, units: u64) -> Result<(), BenchError> {
        let wanted = self.done() + units;
        while self.done() < wanted {
            self.run(NAP)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), BenchError> {
        self.client.1.stop();
        self.server.1.stop();
        let began = self.clock.now();
        while !(self.client.1.has_all_of(&self.server.1)
            && self.server.1.has_all_of(&self.client.1))
        {
            if self.clock.now() - began > PATIENCE {
                break;
            }
            self.run(NAP)?;
        }
        compare(&self.client.1, &self.server.1)
    }
}

/// User, nice, system, irq and softirq of a core (proc_stat(5)).
fn busy_ticks(stat: &str, core: usize) -> u64 {
    let name = format!("cpu{core}");
    let line = stat.lines().map(|line| line.split_ascii_whitespace());
    let Some(columns) = line.clone().find(|columns| columns.clone().next() == Some(&name)) else {
        return 0;
    };
    let columns: Vec<u64> = columns.skip(1).map(|ticks| ticks.parse().unwrap_or(0)).collect();
    [0, 1, 2, 5, 6].iter().filter_map(|&column| columns.get(column)).sum()
}

/// One of the two hosts.
struct Kernel {
    role: Role,
    work: Work,
    epoll: Epoll,
    /// At the server: the nth takes the nth connection.
    listeners: Vec<OwnedFd>,
    connections: Vec<Socket>,
    events: Vec<Ready>,
    chunk: Vec<u8>,
    first_port: u16,
    failed: Option<io::Error>,
}

/// A connection's end.
#[derive(Default)]
struct Socket {
    stream: Option<TcpStream>,
    open: bool,
    /// The peer's FIN has come.
    ended: bool,
    /// What was sent and Linux had no room for.
    rest: Vec<u8>,
}

impl Kernel {
    /// A host of `world`. Those whose first port differs do not meet.
    fn new(world: &World, role: Role, shape: &Shape, first_port: u16) -> Result<Self, BenchError> {
        let mut kernel = Self {
            role,
            work: shape.work,
            epoll: Epoll::new().map_err(failed("epoll"))?,
            listeners: Vec::new(),
            connections: (0..shape.connections).map(|_| Socket::default()).collect(),
            events: Vec::new(),
            chunk: vec![0; shape.size.max(64 << 10)],
            first_port,
            failed: None,
        };
        if role == Role::Server {
            let count = shape.connections;
            let listeners =
                world.at_server(|| (0..count).map(|n| listener(first_port + n as u16)).collect());
            kernel.listeners = listeners.map_err(failed("listening sockets"))?;
            for (n, listener) in kernel.listeners.iter().enumerate() {
                let added = kernel.epoll.add(listener, LISTENS | n as u64, libc::EPOLLIN as u32);
                added.map_err(failed("epoll"))?;
            }
        }
        Ok(kernel)
    }

    /// Asks for all connections, unless the application does.
    fn open(&mut self) -> Result<(), BenchError> {
        if self.role == Role::Client && self.work != Work::Cps {
            for n in 0..self.connections.len() {
                self.connect(Nanos::ZERO, n)?;
            }
        }
        Ok(())
    }

    /// Whether all connections are open that the application does not open itself.
    fn are_open(&mut self) -> bool {
        if self.work == Work::Cps {
            return true;
        }
        self.ready(Wants::News, &mut Vec::new());
        self.connections.iter().all(|socket| socket.open)
    }

    fn adopt(&mut self, n: usize, socket: OwnedFd, open: bool) -> io::Result<()> {
        // Edges: a socket that is ready and left alone is not told of again.
        let events = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        self.epoll.add(&socket, n as u64, events as u32)?;
        let stream = TcpStream::from(socket);
        if self.work != Work::Cps {
            // One message at a time never waits for anything.
            stream.set_nodelay(true)?;
        }
        self.connections[n] = Socket { stream: Some(stream), open, ..Socket::default() };
        Ok(())
    }

    fn on_event(&mut self, event: Ready) -> io::Result<Option<(usize, u32)>> {
        if event.token & LISTENS != 0 {
            let n = (event.token & !LISTENS) as usize;
            let Some(socket) = sys::accept(&self.listeners[n])? else { return Ok(None) };
            self.adopt(n, socket, true)?;
            return Ok(Some((n, 0)));
        }
        let n = event.token as usize;
        let socket = &mut self.connections[n];
        let Some(stream) = &socket.stream else { return Ok(None) };
        if event.events & libc::EPOLLERR as u32 != 0 {
            return Err(stream.take_error()?.unwrap_or_else(|| ErrorKind::Other.into()));
        }
        if event.events & libc::EPOLLOUT as u32 != 0 {
            socket.open = true;
            socket.flush()?;
        }
        socket.ended |= event.events & libc::EPOLLRDHUP as u32 != 0;
        Ok(Some((n, event.events)))
    }

    fn try_ready(&mut self, wants: Wants, ready: &mut Vec<usize>) -> io::Result<()> {
        let mut events = core::mem::take(&mut self.events);
        self.epoll.wait(EVENTS, Some(NAP), &mut events)?;
        for event in events.drain(..) {
            let Some((n, events)) = self.on_event(event)? else { continue };
            let is_ready = match wants {
                Wants::News => true,
                Wants::ToRead => events & libc::EPOLLIN as u32 != 0,
                Wants::ToWrite(_) => self.connections[n].rest.is_empty(),
            };
            if is_ready {
                ready.push(n);
            }
        }
        self.events = events;
        Ok(())
    }
}

impl Socket {
    /// Sends what is left over, as far as there is room.
    fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while !self.rest.is_empty() {
            match stream.write(&self.rest) {
                Ok(sent) => drop(self.rest.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn listener(port: u16) -> io::Result<OwnedFd> {
    let socket = sys::tcp_socket(SocketAddrV4::new(address(Role::Server), port))?;
    sys::set_congestion(&socket, CONGESTION)?;
    sys::listen(&socket, 16)?;
    Ok(socket)
}

impl Endpoint for Kernel {
    /// Linux does that when it likes.
    fn poll(&mut self, _: Nanos) -> Result<(), BenchError> {
        self.failed.take().map_or(Ok(()), |why| Err(failed("a connection")(why)))
    }

    fn flush(&mut self, _: Nanos) {}

    fn ready(&mut self, wants: Wants, ready: &mut Vec<usize>) {
        if let Err(why) = self.try_ready(wants, ready) {
            self.failed = Some(why);
        }
    }

    fn send(&mut self, connection: usize, len: usize, mut write: impl FnMut(&mut [u8])) -> bool {
        let socket = &mut self.connections[connection];
        let Some(stream) = socket.stream.as_mut().filter(|_| socket.rest.is_empty()) else {
            return false;
        };
        // What Linux has no room for is kept here, and nothing more is taken until it is gone.
        write(&mut self.chunk[..len]);
        let sent = match stream.write(&self.chunk[..len]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => {
                self.failed = Some(error);
                len
            }
        };
        socket.rest.extend_from_slice(&self.chunk[sent..len]);
        true
    }

    fn recv(&mut self, connection: usize, max: usize, mut read: impl FnMut(&[u8])) -> usize {
        let Some(stream) = &mut self.connections[connection].stream else { return 0 };
        let mut received = 0;
        while received < max {
            let room = self.chunk.len().min(max - received);
            match stream.read(&mut self.chunk[..room]) {
                Ok(bytes) if bytes > 0 => {
                    read(&self.chunk[..bytes]);
                    received += bytes;
                }
                Ok(_) => break,
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        self.failed = Some(error);
                    }
                    break;
                }
            }
        }
        received
    }

    fn connect(&mut self, _: Nanos, connection: usize) -> Result<(), BenchError> {
        let server = SocketAddrV4::new(address(Role::Server), self.first_port + connection as u16);
        sys::tcp_client()
            .and_then(|socket| {
                sys::set_congestion(&socket, CONGESTION)?;
                sys::connect(&socket, server)?;
                self.adopt(connection, socket, false)
            })
            .map_err(failed("connect"))
    }

    fn is_open(&self, connection: usize) -> bool {
        self.connections[connection].open
    }

    /// The server closes at once: see `let_go`.
    fn shut(&mut self, connection: usize) -> Result<(), BenchError> {
        match &self.connections[connection].stream {
            Some(stream) if self.role == Role::Client => {
                stream.shutdown(std::net::Shutdown::Write).map_err(failed("shutdown"))
            }
            _ => Ok(()),
        }
    }

    fn has_ended(&mut self, connection: usize) -> bool {
        self.connections[connection].ended
    }

    /// When the server's FIN is here it has taken the client's, and Linux has acknowledged its own.
    fn is_over(&self, connection: usize) -> bool {
        self.connections[connection].ended
    }

    fn let_go(&mut self, _: Nanos, connection: usize) {
        self.connections[connection] = Socket::default();
    }

    /// Into the sender's buffers and out of the receiver's; veth hands frames over as they are.
    fn copies(&self) -> Copies {
        Copies { out: 1, into: 1, by_adapters: 0, doorbells: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cores_busy_time_is_all_but_idle_and_stolen() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 1 1 1 1 1 1 1 0 0\n\
                    cpu1 100 20 30 4000 500 6 7 800 900 1000\ncpu10 1 0 0 0 0 0 0 0 0 0\nintr 5\n";
        assert_eq!(busy_ticks(stat, 1), 100 + 20 + 30 + 6 + 7);
        assert_eq!(busy_ticks(stat, 10), 1);
        assert_eq!(busy_ticks(stat, 2), 0);
    }
}
