//! All connections of the peer process: opened, accepted, served in turn, closed.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use super::channel::PAGE;
use super::clock::Monotonic;
use super::connection::{Connection, Scratch};
use super::plan::{End, Endpoints, Plan};
use super::protocol::{Phase, Reply, Sending, Setup};
use crate::sys::{self, Epoll};

/// Connections being opened at the same time. Until the first ARP reply the kernel keeps about 100
/// packets for an address and drops the rest, and a dropped SYN costs a second.
const OPENING: usize = 64;

/// Connections that the listening socket keeps until they are accepted.
const BACKLOG: u16 = 4096;

/// How often connections that only wait for a last ACK are looked at; nothing tells of it.
const CLOSING_INTERVAL: Duration = Duration::from_millis(5);

/// The event loop's numbers of the connections' sockets.
pub(super) const CONNECTION_TOKENS: u64 = 1 << 32;
/// And of the listening socket.
pub(super) const LISTENER_TOKEN: u64 = 1;

/// Sockets of the plan, at one end of it.
#[derive(Debug)]
pub(super) struct Traffic {
    plan: Plan,
    end: End,
    seed: u64,
    /// Congestion control of its sockets, unless it is the kernel's default.
    congestion: Option<String>,
    epoll: Rc<Epoll>,
    listener: TcpListener,
    connections: BTreeMap<u32, Connection>,
    queued: VecDeque<u32>,
    opening: Vec<u32>,
    closing: Vec<u32>,
    marked: Option<Monotonic>,
    scratch: Scratch,
}

impl Traffic {
    /// Listens; nothing is opened or expected yet.
    pub(super) fn new(setup: &Setup, epoll: Rc<Epoll>) -> io::Result<Self> {
        let Setup { plan, end, seed, congestion, .. } = setup.clone();
        let socket = sys::tcp_socket(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, plan.listen_port))?;
        // What is accepted inherits it.
        set_congestion(&socket, congestion.as_deref())?;
        sys::listen(&socket, BACKLOG)?;
        let listener = TcpListener::from(socket);
        epoll.add(&listener, LISTENER_TOKEN, libc::EPOLLIN as u32)?;
        Ok(Self {
            plan,
            end,
            seed,
            congestion,
            epoll,
            listener,
            connections: BTreeMap::new(),
            queued: VecDeque::new(),
            opening: Vec::new(),
            closing: Vec::new(),
            marked: None,
            scratch: Scratch::default(),
        })
    }

    /// Begins connections.
    ///
    /// # Errors
    /// EINVAL: the plan has no such connections. EEXIST: one of them exists.
    pub(super) fn run(
        &mut self,
        ids: Range<u32>,
        opener: End,
        sending: Sending,
        out: &mut Vec<Reply>,
    ) -> io::Result<()> {
        if ids.is_empty() || ids.end > self.plan.capacity() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        if within(&mut self.connections, ids.clone()).next().is_some() {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        for id in ids {
            let connection = Connection::new(id, opener, self.end, self.seed, sending);
            if connection.progress.phase == Phase::Queued {
                self.queued.push_back(id);
            }
            self.connections.insert(id, connection);
        }
        self.open_queued(out);
        Ok(())
    }

    /// Applies `change` to connections and waits for what they then want.
    pub(super) fn change(
        &mut self,
        ids: Range<u32>,
        change: impl Fn(&mut Connection),
        out: &mut Vec<Reply>,
    ) {
        for (&id, connection) in within(&mut self.connections, ids) {
            let before = connection.interest();
            change(connection);
            if let Err(error) = rearm(&self.epoll, id, connection, before) {
                fail(id, connection, &error, out);
            }
        }
    }

    /// Ends connections by RST.
    pub(super) fn abort(&mut self, ids: Range<u32>, out: &mut Vec<Reply>) {
        for (&id, connection) in within(&mut self.connections, ids) {
            match connection.progress.phase {
                Phase::Closed | Phase::Failed => {}
                _ => {
                    let aborted = io::Error::from_raw_os_error(libc::ECONNABORTED);
                    let error = connection.reset().err().unwrap_or(aborted);
                    fail(id, connection, &error, out);
                }
            }
        }
        self.open_queued(out);
    }

    /// Opens as many as may be under way at once.
    fn open_queued(&mut self, out: &mut Vec<Reply>) {
        let connections = &self.connections;
        self.opening.retain(|id| {
            connections
                .get(id)
                .is_some_and(|connection| connection.progress.phase == Phase::Connecting)
        });
        while self.opening.len() < OPENING
            && let Some(id) = self.queued.pop_front()
        {
            let Some(sockets) = self.plan.endpoints(id, self.end) else { continue };
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if connection.progress.phase != Phase::Queued {
                continue;
            }
            let ends = (sockets.at(self.end), sockets.at(self.end.other()));
            match open(&self.epoll, id, ends, self.congestion.as_deref()) {
                Ok(socket) => {
                    connection.connecting(socket);
                    self.opening.push(id);
                }
                Err(error) => fail(id, connection, &error, out),
            }
        }
    }

    /// Accepts what has come.
    pub(super) fn accept(&mut self, out: &mut Vec<Reply>) {
        loop {
            match self.listener.accept() {
                Ok((socket, SocketAddr::V4(from))) => {
                    if let Err(error) = self.take(socket, from, out) {
                        out.push(Reply::command_failed("accept", &error));
                    }
                }
                Ok((_, SocketAddr::V6(_))) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The connection was reset before it could be accepted.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // It would fail again at once and forever (EMFILE), so it is not asked again.
                    out.push(Reply::command_failed("accept", &error));
                    let _ = self.epoll.remove(&self.listener);
                    return;
                }
            }
        }
    }

    /// Finds the connection of an accepted socket.
    fn take(
        &mut self,
        socket: TcpStream,
        from: SocketAddrV4,
        out: &mut Vec<Reply>,
    ) -> io::Result<()> {
        let SocketAddr::V4(local) = socket.local_addr()? else { return Ok(()) };
        let sockets = match self.end {
            End::Peer => Endpoints { peer: local, ours: from },
            End::Ours => Endpoints { peer: from, ours: local },
        };
        let expected = self
            .plan
            .identify(sockets)
            .and_then(|(id, opener)| {
                self.connections
                    .get_mut(&id)
                    .filter(|c| c.progress.opener == opener)
                    .map(|c| (id, c))
            })
            .filter(|(_, connection)| connection.progress.phase == Phase::Expected);
        let Some((id, connection)) = expected else {
            out.push(Reply::Stranger { from });
            return sys::reset_on_close(&socket);
        };
        socket.set_nonblocking(true)?;
        connection.accepted(socket);
        out.push(Reply::Established { id });
        if let Some(socket) = connection.socket()
            && let Err(error) = self.epoll.add(socket, token(id), connection.interest())
        {
            fail(id, connection, &error, out);
        }
        Ok(())
    }

    /// One turn of the connection behind `token`.
    pub(super) fn turn(&mut self, token: u64, events: u32, out: &mut Vec<Reply>) {
        let id = token as u32;
        // An event that was under way when the connection ended.
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (before, was) = (connection.interest(), connection.progress.phase);
        let turned = connection
            .turn(events, Monotonic::now(), &mut self.scratch)
            .and_then(|()| rearm(&self.epoll, id, connection, before));
        match turned {
            Err(error) => fail(id, connection, &error, out),
            Ok(()) if was == Phase::Connecting => out.push(Reply::Established { id }),
            Ok(()) if was != Phase::Closing && connection.progress.phase == Phase::Closing => {
                self.closing.push(id);
                self.check_closing(out);
            }
            Ok(()) => {}
        }
        if was == Phase::Connecting {
            self.open_queued(out);
        }
    }

    /// Looks whether connections that wait for a last ACK have it.
    pub(super) fn check_closing(&mut self, out: &mut Vec<Reply>) {
        let connections = &mut self.connections;
        self.closing.retain(|&id| {
            let Some(connection) = connections.get_mut(&id) else { return false };
            match connection.check_closed() {
                Ok(false) => connection.progress.phase == Phase::Closing,
                Ok(true) => {
                    let report = connection.report(false);
                    let (sent, received, corrupt) = (report.sent, report.received, report.corrupt);
                    out.push(Reply::Closed { id, sent, received, corrupt });
                    false
                }
                Err(error) => {
                    fail(id, connection, &error, out);
                    false
                }
            }
        });
    }

    /// When [`Traffic::check_closing`] should be called next.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        (!self.closing.is_empty()).then_some(CLOSING_INTERVAL)
    }

    /// All connections, in pages.
    pub(super) fn report(&self, token: u32, queues: bool, out: &mut Vec<Reply>) {
        let at = Monotonic::now();
        let connections = self.connections.values().map(|c| c.report(queues)).collect::<Vec<_>>();
        out.extend(pages(&connections).map(|(page, last)| Reply::Report {
            token,
            at,
            last,
            connections: page.to_vec(),
        }));
    }

    /// Remembers what spans `at` on every connection.
    pub(super) fn mark(&mut self, at: Monotonic) {
        let now = Monotonic::now();
        self.marked = Some(at);
        self.connections.values_mut().for_each(|connection| connection.progress.gaps.mark(at, now));
    }

    /// What all connections saw around the marked instant, in pages.
    pub(super) fn stalls(&self, out: &mut Vec<Reply>) {
        let now = Monotonic::now();
        let at = self.marked;
        let stalls = self.connections.values().map(|c| c.progress.stall(now)).collect::<Vec<_>>();
        out.extend(pages(&stalls).map(|(page, last)| Reply::Stalls {
            at,
            last,
            stalls: page.to_vec(),
        }));
    }
}

/// The connections of a range; of one that ends before it begins, none.
fn within(
    connections: &mut BTreeMap<u32, Connection>,
    ids: Range<u32>,
) -> impl Iterator<Item = (&u32, &mut Connection)> {
    connections.range_mut(ids.start..ids.end.max(ids.start))
}

/// The event loop's number for a connection's socket.
fn token(id: u32) -> u64 {
    CONNECTION_TOKENS | u64::from(id)
}

/// Slices that fit into a message, and whether each is the last; one empty page for nothing.
fn pages<T>(all: &[T]) -> impl Iterator<Item = (&[T], bool)> {
    let count = all.len().div_ceil(PAGE).max(1);
    (0..count).map(move |i| {
        let page = &all[i * PAGE..all.len().min((i + 1) * PAGE)];
        (page, i + 1 == count)
    })
}

fn set_congestion(socket: &OwnedFd, name: Option<&str>) -> io::Result<()> {
    name.map_or(Ok(()), |name| sys::set_congestion(socket, name))
}

/// A socket that connects from `local` to `remote`, watched.
fn open(
    epoll: &Epoll,
    id: u32,
    (local, remote): (SocketAddrV4, SocketAddrV4),
    congestion: Option<&str>,
) -> io::Result<TcpStream> {
    let socket = sys::tcp_socket(local)?;
    set_congestion(&socket, congestion)?;
    sys::connect(&socket, remote)?;
    epoll.add(&socket, token(id), libc::EPOLLOUT as u32)?;
    Ok(TcpStream::from(socket))
}

/// Waits for what the connection wants now; `before` is what it is watched for.
fn rearm(epoll: &Epoll, id: u32, connection: &Connection, before: u32) -> io::Result<()> {
    let Some(socket) = connection.socket() else { return Ok(()) };
    match connection.interest() {
        same if same == before => Ok(()),
        // Both directions are shut: epoll would report that without end.
        _ if connection.progress.phase == Phase::Closing => epoll.remove(socket),
        interest => epoll.modify(socket, token(id), interest),
    }
}

/// Ends a connection by an error, and says so.
fn fail(id: u32, connection: &mut Connection, error: &io::Error, out: &mut Vec<Reply>) {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    out.push(Reply::Failed { id, phase: connection.progress.phase, errno });
    connection.fail();
}
