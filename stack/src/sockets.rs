//! What an application does with a stack.

use core::hash::BuildHasher;
use core::net::{IpAddr, SocketAddr};
use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_tcp::{State, Then};

use crate::buffer::RecvBuffer;
use crate::core::{Core, PIECE};
use crate::error::{ConnectError, ListenError, SocketError};
use crate::listener::{Listener, ListenerId};
use crate::slab::SocketId;
use crate::socket::{Holder, Path, Readiness, SendSide};
use crate::tom::MemberId;
use crate::tuple::FourTuple;
use crate::{CongestionControl, Event, Options, PathChoice};

/// So many connections of nobody are remembered without a look at whether they are over.
const ORPHANS_LEAST: usize = 128;

impl Core {
    /// Listens on `address` (an unspecified IP takes all of ours) for at most `backlog` connections
    /// that nobody has accepted yet.
    //= rfc9293#3.9.1.1 MUST-41 MUST-42 MUST-43
    pub fn listen(
        &mut self,
        address: SocketAddr,
        backlog: usize,
        options: Options,
    ) -> Result<ListenerId, ListenError> {
        let SocketAddr::V4(v4) = address else { return Err(ListenError::Ipv6) };
        if !v4.ip().is_unspecified() && *v4.ip() != self.config.address {
            return Err(ListenError::AddrNotAvailable(address.ip()));
        }
        let overlaps = |other: &Listener| {
            other.address.port() == address.port()
                && (other.address.ip() == address.ip()
                    || other.address.ip().is_unspecified()
                    || address.ip().is_unspecified())
        };
        if self.listeners.values().any(overlaps) {
            return Err(ListenError::AddrInUse(address));
        }
        let id = ListenerId(self.listeners_made);
        self.listeners_made += 1;
        let ready = VecDeque::new();
        let (backlog, stids) = (backlog.max(1), Vec::new());
        let last_cookie = None;
        let path = self.path_of_listener(address, &options);
        let listener =
            Listener { address, options, path, stids, opening: 0, ready, backlog, last_cookie };
        self.listeners.insert(id, listener);
        if path == PathChoice::Offload {
            // One that is dead gets it with all others when it is back.
            let members = (0..self.members.len()).map(|n| MemberId(n as u8));
            let members = members.filter(|&member| self.is_adapter(member));
            let alive: Vec<_> = members.filter(|&member| !self.is_dead(member)).collect();
            for member in alive {
                self.tom_listen(member, id, address)?;
            }
        }
        Ok(id)
    }

    /// Takes the oldest connection that waits on `listener`.
    pub fn accept(&mut self, listener: ListenerId) -> Option<SocketId> {
        let id = self.listeners.get_mut(&listener)?.ready.pop_front()?;
        let socket = self.sockets.get_mut(id)?;
        socket.holder = Holder::Application;
        // What arrived before it was accepted is news now.
        let mut news = Readiness::CONNECTED | Readiness::WRITABLE;
        if socket.rx.available() > 0 || socket.peer_closed {
            news |= Readiness::READABLE;
        }
        socket.news = Readiness::NONE;
        self.tell(id, news);
        Some(id)
    }

    /// Stops listening. Connections that nobody has accepted are reset.
    pub fn close_listener(&mut self, now: Nanos, listener: ListenerId) {
        let Some(closed) = self.listeners.remove(&listener) else { return };
        self.tom_close_listener(&closed.stids);
        let orphans: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, s)| s.holder == Holder::Listener(listener))
            .map(|(id, _)| id)
            .collect();
        for id in orphans {
            // Half a handshake is forgotten, as in Linux: should the peer have more to say, a reset will answer that.
            let opening = matches!(
                self.sockets.get(id).map(|socket| &socket.path),
                Some(Path::Host(host)) if host.conn.state() == State::SynRcvd
            );
            if opening {
                self.end(id, Readiness::NONE);
            } else {
                self.abort(now, id);
            }
        }
    }

    /// Opens a connection to `remote`, from `local_port` or from a free one; on a host of several lcores one of those that
    /// belong to this one. The outcome is an event.
    pub fn connect(
        &mut self,
        now: Nanos,
        remote: SocketAddr,
        local_port: Option<u16>,
        options: Options,
    ) -> Result<SocketId, ConnectError> {
        if remote.is_ipv6() {
            return Err(ConnectError::Ipv6);
        }
        //= rfc9293#3.9.1.1 MUST-46
        // Nobody can be opened to, or many.
        let nowhere = match remote.ip() {
            IpAddr::V4(ip) => !self.is_unicast(ip) && !self.is_own(remote.ip()),
            IpAddr::V6(_) => true,
        };
        if nowhere || self.next_hop(remote.ip()).is_none() {
            return Err(ConnectError::Unreachable(remote.ip()));
        }
        if let Some(port) = local_port {
            let tuple = FourTuple { local: (self.config.address, port).into(), remote };
            if let Some(lcore) = self.elsewhere(&tuple) {
                return Err(ConnectError::OtherLcore { port, remote, lcore });
            }
        }
        let local = self.local_for(remote, local_port).ok_or(ConnectError::AddrInUse(remote))?;
        let tuple = FourTuple { local, remote };
        let options = self.options_of_active(&tuple, options);
        let id =
            self.make_socket(tuple, options, Holder::Application).ok_or(ConnectError::TableFull)?;
        self.by_tuple.insert(&self.sockets, id);
        self.open(now, id);
        Ok(id)
    }

    //= rfc9293#3.9.1.1 MUST-44 MUST-45
    fn local_for(&mut self, remote: SocketAddr, port: Option<u16>) -> Option<SocketAddr> {
        let address = self.config.address;
        let free = |core: &Self, port: u16| {
            let local = SocketAddr::from((address, port));
            let tuple = FourTuple { local, remote };
            //= rfc6056#3.1 RFC6056-3.1-1
            let taken = core.lookup(&tuple).is_some()
                || core.meets_itself(&tuple)
                || core.time_wait.contains(&tuple)
                || core.elsewhere(&tuple).is_some()
                || core.moved.lcore_of(&tuple).is_some()
                || core.listeners.values().any(|l| l.takes(local));
            (!taken).then_some(local)
        };
        if let Some(port) = port {
            return free(self, port);
        }
        //= rfc6056#3.3.3 RFC6056-3.3.3-1 RFC6056-3.3.3-2
        // In turn, but each peer's turn begins elsewhere.
        let (first, last) = self.config.ephemeral_ports;
        let ports = u64::from(last.checked_sub(first)?) + 1;
        let ends = FourTuple { local: (address, 0).into(), remote };
        let begin = self.port_hasher.hash_one(ends) % ports;
        (0..ports).find_map(|_| {
            let port = first + ((begin + self.ports_tried) % ports) as u16;
            self.ports_tried = (self.ports_tried + 1) % ports;
            free(self, port)
        })
    }

    /// The congestion control in force, once there is a TCP that has one.
    pub fn congestion(&self, id: SocketId) -> Result<Option<CongestionControl>, SocketError> {
        let socket = self.sockets.get(id).ok_or(SocketError::NoSuchSocket)?;
        Ok(match &socket.path {
            Path::Host(host) => Some(host.conn.congestion()),
            Path::Offload(_) => Some(self.offloaded_congestion(*socket.options)),
            Path::Resolving | Path::Ended => None,
        })
    }

    /// Copies as much of `bytes` as there is room for; how much that was. With none an event follows
    /// when there is room again.
    pub fn send(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, SocketError> {
        self.send_with(id, bytes, Then::Nothing)
    }

    /// As [`Core::send`], and `then` follows what was taken: more, or another record (MSG_MORE, MSG_EOR). On the
    /// offload path the end of a record is only pushed: no work request says that a segment is to end there.
    pub fn send_with(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        then: Then,
    ) -> Result<usize, SocketError> {
        let room = self.room_to_send(id, bytes.len())?;
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.tx.write(&bytes[..room]);
        }
        self.post_sent(id, room, if room == bytes.len() { then } else { Then::Nothing });
        Ok(room)
    }

    /// Sends up to `len` bytes that `fill` makes up, as many as there is room for; how many. `fill` is called with one
    /// piece of them after the other, in memory that stays in the core's cache: what is made up anyway need not be
    /// stored by the application first.
    pub fn send_in_place(
        &mut self,
        id: SocketId,
        len: usize,
        mut fill: impl FnMut(&mut [u8]),
    ) -> Result<usize, SocketError> {
        let room = self.room_to_send(id, len)?;
        if let Some(socket) = self.sockets.get_mut(id) {
            let mut left = room;
            while left > 0 {
                let piece = &mut self.piece[..left.min(PIECE)];
                fill(piece);
                left -= socket.tx.write(piece);
            }
        }
        self.post_sent(id, room, Then::Nothing);
        Ok(room)
    }

    /// Of `len` bytes, how many can be written now; none only if `len` is.
    pub(crate) fn room_to_send(&self, id: SocketId, len: usize) -> Result<usize, SocketError> {
        let socket = self.sockets.get(id).ok_or(SocketError::NoSuchSocket)?;
        if let Some(error) = socket.error {
            return Err(error.into());
        }
        if socket.send_side == SendSide::Shutdown || matches!(socket.path, Path::Ended) {
            return Err(SocketError::Shutdown);
        }
        match len.min(socket.send_room()) {
            0 if len > 0 => Err(SocketError::WouldBlock),
            room => Ok(room),
        }
    }

    fn post_sent(&mut self, id: SocketId, bytes: usize, then: Then) {
        if bytes > 0 {
            self.post_with(id, bytes, then);
        }
    }

    /// What was sent with more to come is all there is for now: it is as if the last of it had been sent without.
    pub fn push(&mut self, id: SocketId) {
        if self.sockets.get(id).is_some_and(|socket| socket.send_side == SendSide::Open) {
            self.post(id);
        }
    }

    /// Hands bytes that were written to the transport.
    pub(crate) fn post(&mut self, id: SocketId) {
        self.post_with(id, 0, Then::Nothing);
    }

    /// Of what was written the last `bytes` are followed by `then`.
    pub(crate) fn post_with(&mut self, id: SocketId, bytes: usize, then: Then) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        match &mut socket.path {
            Path::Host(host) => {
                let n = (socket.tx.written() - socket.tx.posted()) as usize;
                socket.tx.post(n);
                host.conn.post_with(n as u32, then);
                self.host_mark_urgent(id);
                self.list(id);
            }
            Path::Offload(conn) => {
                let end = socket.tx.written();
                conn.hold.then(then, end - bytes as u64, end);
                self.tom_post(id);
            }
            Path::Resolving | Path::Ended => {}
        }
    }

    /// Moves received bytes into `buf`; 0 at the end of the stream.
    pub fn recv(&mut self, id: SocketId, buf: &mut [u8]) -> Result<usize, SocketError> {
        self.recv_by(id, |rx| rx.read(buf))
    }

    /// Lends up to `max` received bytes to `read` where they lie, in one or two pieces, and counts them as received by the
    /// application; how many, and 0 at the end of the stream.
    pub fn recv_in_place(
        &mut self,
        id: SocketId,
        max: usize,
        mut read: impl FnMut(&[u8]),
    ) -> Result<usize, SocketError> {
        self.recv_by(id, |rx| {
            let (first, second) = rx.peek_in_place(max);
            let len = first.len() + second.len();
            for piece in [first, second].into_iter().filter(|piece| !piece.is_empty()) {
                read(piece);
            }
            rx.consume(len);
            len
        })
    }

    /// Takes received bytes from the socket's buffer by `take`, which answers how many.
    fn recv_by(
        &mut self,
        id: SocketId,
        take: impl FnOnce(&mut RecvBuffer) -> usize,
    ) -> Result<usize, SocketError> {
        let socket = self.sockets.get_mut(id).ok_or(SocketError::NoSuchSocket)?;
        if socket.rx.available() == 0 {
            return socket.nothing_to_read();
        }
        let n = take(&mut socket.rx);
        match &mut socket.path {
            Path::Host(host) => {
                host.conn.credit(n as u32);
                self.list(id);
            }
            Path::Offload(_) => self.tom_credit(id),
            Path::Resolving | Path::Ended => {}
        }
        Ok(n)
    }

    /// Sends nothing more: a FIN follows what was written.
    pub fn shutdown(&mut self, id: SocketId) -> Result<(), SocketError> {
        let socket = self.sockets.get_mut(id).ok_or(SocketError::NoSuchSocket)?;
        if let Some(error) = socket.error {
            return Err(error.into());
        }
        if socket.send_side == SendSide::Open {
            socket.send_side = SendSide::Shutdown;
            match &socket.path {
                Path::Host(_) => self.host_shutdown(id),
                Path::Offload(_) => self.tom_post(id),
                Path::Resolving | Path::Ended => {}
            }
        }
        Ok(())
    }

    /// Lets go of the socket. What was written is still sent and then a FIN; but if bytes are unread
    /// the peer is told so by a reset (RFC 2525, 2.17).
    //= rfc9293#3.6.1 SHLD-3 MAY-1
    pub fn close(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if matches!(socket.path, Path::Ended) {
            self.forget(id);
        } else if socket.rx.available() > 0 || matches!(socket.path, Path::Resolving) {
            self.abort(now, id);
        } else if let Path::Host(host) = &mut socket.path
            && host.conn.state() == State::SynSent
            && socket.tx.written() == 0
        {
            //= rfc9293#3.10.4
            // Nothing was to be said: not even a reset is.
            socket.holder = Holder::Nobody;
            host.conn.close();
            self.list(id);
        } else {
            socket.holder = Holder::Nobody;
            // Where connections come and go, most that were let go of are over long before it is their turn.
            if self.orphans.len() >= ORPHANS_LEAST.max(2 * self.sockets.len()) {
                let sockets = &self.sockets;
                self.orphans.retain(|&(_, id)| sockets.get(id).is_some());
            }
            self.orphans.push_back((now + self.config.fin_timeout, id));
            // A socket that cannot be shut down is over, and its end forgets it.
            let _ = self.shutdown(id);
        }
    }

    /// Resets connections of nobody whose peers do not close: there is no timer in TCP that would end
    /// them, and if the peer's reset was lost nobody is there any more. One that still sends is looked
    /// at again.
    pub(crate) fn poll_orphans(&mut self, now: Nanos) {
        while let Some(&(due, id)) = self.orphans.front()
            && due <= now
        {
            self.orphans.pop_front();
            let Some(socket) = self.sockets.get(id) else { continue };
            let waits = match &socket.path {
                Path::Host(host) => host.conn.state() == State::FinWait2,
                Path::Offload(conn) => conn.state == crate::tom::state::State::FinWait2,
                Path::Resolving | Path::Ended => continue,
            };
            if waits {
                self.counters.fin_timeouts += 1;
                self.abort(now, id);
            } else {
                self.orphans.push_back((now + self.config.fin_timeout, id));
            }
        }
    }

    /// Ends the connection at once, by a reset, and lets go of the socket.
    pub fn abort(&mut self, now: Nanos, id: SocketId) {
        self.leave_listener(id);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.holder = Holder::Nobody;
        match &mut socket.path {
            Path::Host(host) => {
                host.conn.abort();
                self.list(id);
                self.host_output(now);
            }
            Path::Offload(_) => self.tom_abort(id),
            Path::Resolving => self.end(id, Readiness::NONE),
            Path::Ended => self.forget(id),
        }
    }

    /// Sends at once what the application has just written or asked for, instead of at the next poll.
    pub fn kick(&mut self, now: Nanos) {
        let now = self.advance(now);
        self.host_rest(now);
        self.host_output(now);
        self.flush(now);
        self.poll_members();
    }

    /// Time goes on to `now`. A clock that shows less than it did before stands still until then: no segment may say that
    /// it is older than the one before (RFC 7323, 5: what PAWS takes for granted).
    pub(crate) fn advance(&mut self, now: Nanos) -> Nanos {
        self.now = self.now.max(now);
        self.now
    }

    /// The next thing that the application should know, if any.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.next_event()
    }

    /// The two ends of a socket's connection.
    #[must_use]
    pub fn tuple(&self, id: SocketId) -> Option<FourTuple> {
        self.sockets.get(id).map(|socket| socket.ends.tuple())
    }

    /// Bytes written to the socket that the peer has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self, id: SocketId) -> u64 {
        self.sockets.get(id).map_or(0, |socket| socket.tx.written() - socket.tx.acked())
    }

    /// Bytes that [`Core::send`] would take now.
    #[must_use]
    pub fn send_room(&self, id: SocketId) -> usize {
        self.sockets.get(id).map_or(0, |socket| socket.send_room())
    }

    /// Whether the handshake of `id` is through and the connection is not over.
    #[must_use]
    pub fn is_established(&self, id: SocketId) -> bool {
        match self.sockets.get(id).map(|socket| &socket.path) {
            Some(Path::Host(host)) => host.conn.state().is_synchronized(),
            Some(Path::Offload(conn)) => conn.state.is_live(),
            Some(Path::Resolving | Path::Ended) | None => false,
        }
    }

    /// Whether the connection of `id` is over, in good order or not.
    #[must_use]
    pub fn is_over(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_none_or(|socket| matches!(socket.path, Path::Ended))
    }

    /// Sockets that exist, those that nobody holds any more among them.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }
}

#[cfg(test)]
mod tests {
    use mafo_pmd::eal::dma::Arena;
    use mafo_tcp::{Flags, Segment};

    use super::*;
    use crate::StackConfig;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const HOST: Options = Options::on(PathChoice::Host);

    fn core() -> Core {
        let config =
            StackConfig { sockets_max: 4, ..StackConfig::new([10, 77, 0, 2].into(), 24, MAC) };
        Core::new(config, Arena::ordinary(2 << 20).expect("memory"))
    }

    fn tuple(port: u16) -> FourTuple {
        FourTuple { local: ([10, 77, 0, 2], 7).into(), remote: ([10, 77, 0, 1], port).into() }
    }

    #[test]
    fn the_buffers_of_one_socket_are_the_next_ones() {
        let mut core = core();
        let make = |core: &mut Core, options| {
            core.make_socket(tuple(1), options, Holder::Application).expect("room")
        };
        let memory = |core: &Core, id| core.sockets.get(id).expect("there").rx.address();
        let first = make(&mut core, HOST);
        let here = memory(&core, first);
        core.forget(first);
        let small = make(&mut core, Options { recv_buffer: Some(4096), ..HOST });
        let second = make(&mut core, HOST);
        assert_eq!(memory(&core, second), here);
        assert_eq!(core.sockets.get(small).map(|socket| socket.rx.capacity()), Some(4096));
    }

    #[test]
    fn connections_that_are_over_are_not_waited_for() {
        let mut core = core();
        let listener = core.listen(tuple(0).local, 4, HOST).expect("listens");
        let now = Nanos::from_secs(1);
        for port in 1..1000 {
            let syn =
                Segment { src_port: port, dst_port: 7, flags: Flags::SYN, ..Segment::default() };
            assert!(core.host_listen(now, (listener, None), MAC, tuple(port), &syn, &[]));
            let id = core.lookup(&tuple(port)).expect("it is there");
            core.leave_listener(id);
            core.close(now, id);
            assert!(core.orphans.back().is_some_and(|&(_, last)| last == id));
            core.abort(now, id);
            assert_eq!(core.sockets(), 0, "{port}");
        }
        assert!(core.orphans.len() <= ORPHANS_LEAST, "{}", core.orphans.len());
    }
}
