//! All connections of the smoltcp peer: opened, accepted, served in turn, closed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddrV4;
use std::ops::Range;

use smoltcp::iface::{Context, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::connection::Connection;
use super::nic::Arrived;
use crate::peer::{
    ConnectionReport, End, Endpoints, Event, Monotonic, Phase, Plan, Sending, Stall,
};

/// Bytes of a socket's buffer, each way.
const BUFFER: usize = 128 << 10;

/// How long a socket waits for any answer: about what Linux gives a SYN (tcp_syn_retries).
const TIMEOUT: Duration = Duration::from_secs(127);

/// Listening sockets beside those that wait for expected connections: strangers, and handshakes
/// that were begun and forgotten, take some.
const SPARE_LISTENERS: usize = 16;

/// Sockets of the plan, at one end of it.
pub(super) struct Traffic {
    plan: Plan,
    end: End,
    seed: u64,
    pub(super) sockets: SocketSet<'static>,
    connections: BTreeMap<u32, Connection>,
    /// Connections to be opened at the next poll.
    queued: Vec<u32>,
    /// Connections that the other end is to open.
    expected: usize,
    /// Sockets in LISTEN or SYN-RECEIVED: smoltcp's take one connection each.
    listening: Vec<SocketHandle>,
    /// Sockets that nobody uses any more: they have an RST to send, or are in TIME-WAIT.
    lingering: Vec<SocketHandle>,
    marked: Option<Monotonic>,
}

impl Traffic {
    /// Listens; nothing is opened or expected yet.
    pub(super) fn new(plan: Plan, end: End, seed: u64) -> Self {
        let mut traffic = Self {
            plan,
            end,
            seed,
            sockets: SocketSet::new(Vec::new()),
            connections: BTreeMap::new(),
            queued: Vec::new(),
            expected: 0,
            listening: Vec::new(),
            lingering: Vec::new(),
            marked: None,
        };
        traffic.listen();
        traffic
    }

    /// Begins connections.
    ///
    /// # Errors
    /// EINVAL: the plan has no such connections. EEXIST: one of them exists.
    pub(super) fn run(&mut self, ids: Range<u32>, opener: End, sending: Sending) -> io::Result<()> {
        if ids.is_empty() || ids.end > self.plan.capacity() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        if self.connections.range(ids.clone()).next().is_some() {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        for id in ids {
            let connection = Connection::new(id, opener, self.end, self.seed, sending);
            match connection.progress.phase {
                Phase::Queued => self.queued.push(id),
                _ => self.expected += 1,
            }
            self.connections.insert(id, connection);
        }
        self.listen();
        Ok(())
    }

    /// Applies `change` to connections.
    pub(super) fn change(&mut self, ids: Range<u32>, change: impl Fn(&mut Connection)) {
        within(&mut self.connections, ids).for_each(change);
    }

    /// Ends connections by RST.
    pub(super) fn abort(&mut self, ids: Range<u32>, out: &mut VecDeque<Event>) {
        for connection in within(&mut self.connections, ids).filter(|c| !c.has_ended()) {
            self.expected -= usize::from(connection.progress.phase == Phase::Expected);
            connection.fail(libc::ECONNABORTED, out);
            if let Some(handle) = connection.handle.take() {
                self.sockets.get_mut::<Socket<'_>>(handle).abort();
                self.lingering.push(handle);
            }
        }
    }

    /// Opens what is to be opened; smoltcp asks for the MAC address once for all.
    pub(super) fn open_queued(&mut self, context: &mut Context, out: &mut VecDeque<Event>) {
        for id in std::mem::take(&mut self.queued) {
            let Some(sockets) = self.plan.endpoints(id, self.end) else { continue };
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if connection.progress.phase != Phase::Queued {
                continue;
            }
            let mut socket = socket();
            let (local, remote) = (sockets.at(self.end), sockets.at(self.end.other()));
            if socket.connect(context, remote, local).is_ok() {
                connection.connecting(self.sockets.add(socket));
            } else {
                connection.fail(libc::EADDRNOTAVAIL, out);
            }
        }
    }

    /// An RST came in: ends the connection if it has closed its socket.
    pub(super) fn on_reset(&mut self, reset: Arrived, out: &mut VecDeque<Event>) {
        let sockets = endpoints(self.end, reset.to, reset.from);
        let Some((id, _)) = self.plan.identify(sockets) else { return };
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(handle) = connection.handle
        {
            connection.on_reset(self.sockets.get(handle), out);
        }
    }

    /// Accepts what was opened, and gives every connection its turn.
    pub(super) fn turn(&mut self, now: Monotonic, out: &mut VecDeque<Event>) {
        self.accept(out);
        for connection in self.connections.values_mut().filter(|c| !c.has_ended()) {
            if let Some(handle) = connection.handle {
                connection.turn(self.sockets.get_mut(handle), now, out);
            }
        }
    }

    /// After timers have run and segments were sent: finds what timed out, removes what is done.
    pub(super) fn clean_up(&mut self, out: &mut VecDeque<Event>) {
        for connection in self.connections.values_mut() {
            if let Some(handle) = connection.handle {
                connection.on_timers(self.sockets.get(handle), out);
            }
            if connection.has_ended() {
                self.lingering.extend(connection.handle.take());
            }
        }
        let sockets = &mut self.sockets;
        self.lingering.retain(|&handle| {
            let socket = sockets.get::<Socket<'_>>(handle);
            // A closed socket has a remote end for as long as it owes an RST.
            let done = socket.state() == State::Closed && socket.remote_endpoint().is_none();
            if done {
                sockets.remove(handle);
            }
            !done
        });
    }

    fn accept(&mut self, out: &mut VecDeque<Event>) {
        let mut index = 0;
        while index < self.listening.len() {
            let handle = self.listening[index];
            let socket = self.sockets.get::<Socket<'_>>(handle);
            if matches!(socket.state(), State::Listen | State::SynReceived) {
                index += 1;
                continue;
            }
            let ends = socket.local_endpoint().zip(socket.remote_endpoint());
            self.listening.swap_remove(index);
            match ends.and_then(|(local, remote)| socket_v4(local).zip(socket_v4(remote))) {
                Some((local, remote)) => self.take(handle, local, remote, out),
                // Reset, or given up, before it could be accepted.
                None => self.lingering.push(handle),
            }
        }
        self.listen();
    }

    /// Finds the connection of an accepted socket.
    fn take(
        &mut self,
        handle: SocketHandle,
        local: SocketAddrV4,
        from: SocketAddrV4,
        out: &mut VecDeque<Event>,
    ) {
        let sockets = endpoints(self.end, local, from);
        let expected = self
            .plan
            .identify(sockets)
            .and_then(|(id, opener)| {
                self.connections.get_mut(&id).filter(|c| c.progress.opener == opener)
            })
            .filter(|connection| connection.progress.phase == Phase::Expected);
        if let Some(connection) = expected {
            self.expected -= 1;
            connection.accepted(handle, out);
        } else {
            out.push_back(Event::Stranger { from });
            self.sockets.get_mut::<Socket<'_>>(handle).abort();
            self.lingering.push(handle);
        }
    }

    /// Has a socket listen for every connection that is expected: without one smoltcp answers RST.
    fn listen(&mut self) {
        while self.listening.len() < self.expected + SPARE_LISTENERS {
            let mut socket = socket();
            let listens = socket.listen(self.plan.listen_port);
            assert_eq!(listens, Ok(()), "a new socket listens on a port that is not 0");
            self.listening.push(self.sockets.add(socket));
        }
    }

    /// All connections.
    pub(super) fn report(&self, queues: bool) -> Vec<ConnectionReport> {
        let socket = |c: &Connection| {
            c.handle.filter(|_| queues).map(|handle| self.sockets.get::<Socket<'_>>(handle))
        };
        self.connections.values().map(|c| c.report(socket(c))).collect()
    }

    /// Remembers what spans `at` on every connection.
    pub(super) fn mark(&mut self, at: Monotonic, now: Monotonic) {
        self.marked = Some(at);
        self.connections.values_mut().for_each(|c| c.progress.gaps.mark(at, now));
    }

    /// What all connections saw around the marked instant, and the instant.
    pub(super) fn stalls(&self, now: Monotonic) -> (Option<Monotonic>, Vec<Stall>) {
        (self.marked, self.connections.values().map(|c| c.progress.stall(now)).collect())
    }
}

/// The connections of a range; of one that ends before it begins, none.
fn within(
    connections: &mut BTreeMap<u32, Connection>,
    ids: Range<u32>,
) -> impl Iterator<Item = &mut Connection> {
    connections.range_mut(ids.start..ids.end.max(ids.start)).map(|(_, connection)| connection)
}

/// A socket with the buffers and the congestion control that all have.
fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_congestion_control(CongestionControl::Cubic);
    socket.set_timeout(Some(TIMEOUT));
    socket
}

/// The plan's order of two sockets, `local` at `end`.
fn endpoints(end: End, local: SocketAddrV4, remote: SocketAddrV4) -> Endpoints {
    match end {
        End::Peer => Endpoints { peer: local, ours: remote },
        End::Ours => Endpoints { peer: remote, ours: local },
    }
}

/// A socket's address. The interface has none of IPv6, so no socket has.
fn socket_v4(endpoint: IpEndpoint) -> Option<SocketAddrV4> {
    match endpoint.addr {
        IpAddress::Ipv4(address) => Some(SocketAddrV4::new(address, endpoint.port)),
        IpAddress::Ipv6(_) => None,
    }
}
