//! The system calls on sockets and pipes, each as one attempt that does not block. What Linux does is the
//! measure: the order of checks, and what each failure is called.

use std::net::{Ipv4Addr, SocketAddrV4};

use libc::c_int;
use mafo::{Life, PathChoice, SocketId, Then};

use crate::errno::{Errno, Outcome};
use crate::fds::{Entry, Opening, PIPE_CAPACITY, Sock, Stage};
use crate::world::{World, has_room};

/// Memory of the caller to write to: `None` stands for a null pointer, with the length that it came with.
pub(crate) type Target<'a> = Option<&'a mut [u8]>;

/// What `recv` says of the bytes that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes.
    pub len: usize,
    /// Bytes left to read, where TCP_INQ asks for it; 1 stands for the end behind the last byte.
    pub inq: Option<c_int>,
}

impl World {
    /// socket(2).
    pub fn socket(&mut self, domain: c_int, kind: c_int, protocol: c_int) -> Outcome<c_int> {
        if domain != libc::AF_INET {
            return Err(Errno(libc::EAFNOSUPPORT));
        }
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        match kind & !flags {
            libc::SOCK_STREAM if [0, libc::IPPROTO_TCP].contains(&protocol) => {}
            // Linux has datagrams, but not here.
            libc::SOCK_STREAM | libc::SOCK_DGRAM | libc::SOCK_RAW => {
                return Err(Errno(libc::EPROTONOSUPPORT));
            }
            // Nobody's numbers too, below SOCK_MAX.
            0..=10 => {
                return Err(Errno(libc::ESOCKTNOSUPPORT));
            }
            _ => return Err(Errno::INVAL),
        }
        let nonblocking = kind & libc::SOCK_NONBLOCK != 0;
        let sock = Sock { nonblocking, ..self.fresh_socket() };
        Ok(self.fds.insert(Entry::Socket(Box::new(sock))))
    }

    /// bind(2).
    pub fn bind(&mut self, fd: c_int, address: SocketAddrV4) -> Outcome<()> {
        let sock = self.fds.socket_mut(fd)?;
        if sock.stage != Stage::Fresh || sock.bound.is_some() {
            return Err(Errno::INVAL);
        }
        sock.bound = Some(address);
        let ip = Some(*address.ip()).filter(|ip| !ip.is_unspecified());
        self.core(ip);
        Ok(())
    }

    /// listen(2).
    pub fn listen(&mut self, fd: c_int, backlog: c_int) -> Outcome<()> {
        let sock = self.fds.socket(fd)?;
        let (options, address) = match sock.stage {
            Stage::Fresh => (sock.options, sock.bound),
            Stage::Listening(_) => return Ok(()),
            Stage::Connection(_) => return Err(Errno::INVAL),
        };
        let address = address.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        let backlog = backlog.max(0) as usize;
        let listener = self.core(None).listen(address.into(), backlog, options)?;
        self.fds.socket_mut(fd)?.stage = Stage::Listening(listener);
        Ok(())
    }

    /// accept(2): the new descriptor and the peer's address.
    pub fn accept(&mut self, fd: c_int) -> Outcome<(c_int, SocketAddrV4)> {
        let parent = self.fds.socket(fd)?;
        let Stage::Listening(listener) = parent.stage else { return Err(Errno::INVAL) };
        let (options, notsent_lowat, inq) = (parent.options, parent.notsent_lowat, parent.inq);
        let (linger, kept, timeouts) = (parent.linger, parent.kept.clone(), parent.timeouts);
        let (send_buffer, locked) = (parent.send_buffer, parent.send_buffer_locked);
        let id = self.core(None).accept(listener).ok_or(Errno::AGAIN)?;
        let peer = self.peer_of(id)?;
        let sock = Sock {
            stage: Stage::Connection(id),
            options,
            opening: Opening::Told,
            notsent_lowat,
            inq,
            linger,
            kept,
            timeouts,
            send_buffer,
            send_buffer_locked: locked,
            ..self.fresh_socket()
        };
        let fd = self.fds.insert(Entry::Socket(Box::new(sock)));
        self.apply_timeouts(fd)?;
        Ok((fd, peer))
    }

    fn peer_of(&mut self, id: SocketId) -> Outcome<SocketAddrV4> {
        match self.core(None).tuple(id).map(|tuple| tuple.remote) {
            Some(std::net::SocketAddr::V4(peer)) => Ok(peer),
            _ => Err(Errno::NOTCONN),
        }
    }

    /// connect(2): the first call sends the SYN, a later one tells how it went.
    pub fn connect(&mut self, fd: c_int, remote: SocketAddrV4) -> Outcome<()> {
        let sock = self.fds.socket(fd)?;
        match sock.stage {
            Stage::Fresh => {
                let (options, bound) = (sock.options, sock.bound);
                let now = self.now;
                let ip = bound.map(|bound| *bound.ip()).filter(|ip| !ip.is_unspecified());
                let port = bound.map(|bound| bound.port()).filter(|&port| port != 0);
                let id = self.core(ip).connect(now, remote.into(), port, options)?;
                self.fds.socket_mut(fd)?.stage = Stage::Connection(id);
                self.apply_timeouts(fd)?;
                Err(Errno(libc::EINPROGRESS))
            }
            Stage::Listening(_) => Err(Errno(libc::EISCONN)),
            Stage::Connection(_) => self.connect_again(fd),
        }
    }

    /// How a connection that was asked for before stands.
    pub fn connect_again(&mut self, fd: c_int) -> Outcome<()> {
        let status = self.status(fd)?.ok_or(Errno::INVAL)?;
        let sock = self.fds.socket_mut(fd)?;
        match status.life {
            Life::Opening => Err(Errno(libc::EALREADY)),
            Life::Over if sock.opening == Opening::Untold => {
                Err(sock.error.take().unwrap_or(Errno(libc::ECONNABORTED)))
            }
            Life::Open | Life::Over if sock.opening == Opening::Told => Err(Errno(libc::EISCONN)),
            Life::Open | Life::Over => {
                sock.opening = Opening::Told;
                Ok(())
            }
        }
    }

    /// connect(2) with AF_UNSPEC: lets go of the connection; the socket can connect again.
    pub fn disconnect(&mut self, fd: c_int) -> Outcome<()> {
        let now = self.now;
        if let Some(id) = self.fds.socket(fd)?.connection() {
            self.core(None).abort(now, id);
        }
        let sock = self.fds.socket_mut(fd)?;
        (sock.stage, sock.opening, sock.error) = (Stage::Fresh, Opening::Untold, None);
        (sock.read_shut, sock.last_info) = (false, None);
        Ok(())
    }

    /// recv(2) and its relatives.
    pub fn recv(
        &mut self,
        fd: c_int,
        target: Target<'_>,
        len: usize,
        flags: c_int,
    ) -> Outcome<Received> {
        if flags & libc::MSG_ERRQUEUE != 0 {
            return Err(Errno::AGAIN);
        }
        let sock = self.fds.socket(fd)?;
        if matches!(sock.stage, Stage::Listening(_)) {
            return Err(Errno::NOTCONN);
        }
        let (read_shut, wants_inq) = (sock.read_shut, sock.inq);
        let status = self.status(fd)?;
        let connection = self.fds.socket(fd)?.connection();
        let (Some(status), Some(id)) = (status, connection) else {
            return Err(self.fds.socket_mut(fd)?.error.take().unwrap_or(Errno::NOTCONN));
        };
        if status.readable == 0 {
            let error = &mut self.fds.socket_mut(fd)?.error;
            return match error.take() {
                Some(error) => Err(error),
                _ if status.peer_closed || read_shut || status.life == Life::Over => {
                    Ok(Received { len: 0, inq: None })
                }
                _ => Err(Errno::AGAIN),
            };
        }
        let len = len.min(status.readable);
        let now = self.now;
        let core = self.core(None);
        let result = match target {
            Some(buf) if flags & libc::MSG_PEEK != 0 => core.peek(id, &mut buf[..len]),
            Some(buf) => core.recv(id, &mut buf[..len]),
            // TCP throws away what nobody wants to see (tcp(7)).
            None if flags & libc::MSG_TRUNC != 0 => core.recv(id, &mut vec![0; len]),
            None if len == 0 => Ok(0),
            None => return Err(Errno::FAULT),
        };
        core.kick(now);
        let len = result.map_err(Errno::from)?;
        let left = self.status(fd)?;
        let inq = left.filter(|_| wants_inq).map(|left| match left.readable {
            0 => c_int::from(left.peer_closed),
            n => n as c_int,
        });
        Ok(Received { len, inq })
    }

    /// send(2) and its relatives: as much of `bytes` as there is room for. `None` is a null pointer, which
    /// a length of 0 may come with.
    pub fn send(&mut self, fd: c_int, bytes: Option<&[u8]>, flags: c_int) -> Outcome<usize> {
        if let &Entry::PipeWriter(pipe) = self.fds.get(fd)? {
            return self.write_pipe(pipe, bytes.ok_or(Errno::FAULT)?);
        }
        let status = self.status(fd)?;
        let sock = self.fds.socket_mut(fd)?;
        if let Some(error) = sock.error.take() {
            return Err(error);
        }
        if matches!(sock.stage, Stage::Listening(_) | Stage::Fresh) {
            return Err(Errno::PIPE);
        }
        let (Some(status), Some(id)) = (status, sock.connection()) else { return Err(Errno::PIPE) };
        if status.life == Life::Over || status.shut_down {
            return Err(Errno::PIPE);
        }
        if status.life == Life::Opening {
            return Err(Errno::AGAIN);
        }
        let bytes = bytes.ok_or(Errno::FAULT)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        // What follows MSG_MORE is corked until somebody sends without it.
        let then = match flags {
            _ if flags & libc::MSG_MORE != 0 => Then::More,
            _ if flags & libc::MSG_EOR != 0 => Then::Record,
            _ => Then::Nothing,
        };
        let goal = self.piece_len(id);
        let (now, path) = (self.now, self.fds.socket(fd)?.options.path);
        let mut done = 0;
        while done < bytes.len() {
            let status = self.status(fd)?.ok_or(Errno::PIPE)?;
            let sock = self.fds.socket_mut(fd)?;
            // A write goes on in the last piece that is not sent; a new one is begun only where there is room
            // for anything, and then it may be a whole one: so a write ends at the end of a piece.
            let mut tail = sock.tail.min(status.unsent);
            if tail == 0 || tail >= goal {
                tail = 0;
                let free = status.unacknowledged < sock.send_buffer as usize;
                if !free || status.unsent >= sock.lowat() {
                    break;
                }
            }
            let n = (bytes.len() - done).min(goal - tail);
            let last = done + n == bytes.len();
            let then = if last { then } else { Then::More };
            sock.tail = if then == Then::Record { goal } else { tail + n };
            let core = self.core(None);
            let taken = core.send_with(id, &bytes[done..done + n], then)?;
            core.kick(now);
            // What a card sends of it at once is known when it is asked.
            if path == PathChoice::Offload {
                self.settle();
            }
            done += taken;
            if taken < n {
                break;
            }
        }
        if done < bytes.len() {
            self.fds.socket_mut(fd)?.wants_room = true;
            let core = self.core(None);
            core.push(id);
            core.kick(now);
        }
        if done == 0 { Err(Errno::AGAIN) } else { Ok(done) }
    }

    /// Bytes of a piece of the send queue: what segmentation offload would take at once, in whole segments, and
    /// no more than half the largest window of the peer (as tcp_xmit_size_goal).
    fn piece_len(&mut self, id: SocketId) -> usize {
        /// Largest IP packet less the longest headers.
        const MOST: u32 = 65_535 - 120;
        let Some(info) = self.core(None).info(id) else { return MOST as usize };
        let half = if info.snd_wnd_max > 536 { info.snd_wnd_max / 2 } else { info.snd_wnd_max };
        let len = MOST.min(half.max(info.payload_max));
        (len - len % info.payload_max) as usize
    }

    /// close(2).
    pub fn close(&mut self, fd: c_int) -> Outcome<()> {
        let now = self.now;
        let Entry::Socket(sock) = self.fds.remove(fd)? else { return Ok(()) };
        match sock.stage {
            Stage::Fresh => {}
            Stage::Listening(listener) => self.core(None).close_listener(now, listener),
            Stage::Connection(id) => {
                let core = self.core(None);
                if sock.linger == Some(0) {
                    core.abort(now, id)
                } else {
                    core.close(now, id)
                }
                core.kick(now);
            }
        }
        Ok(())
    }

    /// shutdown(2).
    pub fn shutdown(&mut self, fd: c_int, how: c_int) -> Outcome<()> {
        self.fds.socket(fd)?;
        let (read, write) = match how {
            libc::SHUT_RD => (true, false),
            libc::SHUT_WR => (false, true),
            libc::SHUT_RDWR => (true, true),
            _ => return Err(Errno::INVAL),
        };
        let status = self.status(fd)?;
        let sock = self.fds.socket_mut(fd)?;
        let (Some(status), Some(id)) = (status, sock.connection()) else {
            return Err(Errno::NOTCONN);
        };
        if status.life == Life::Over {
            return Err(Errno::NOTCONN);
        }
        sock.read_shut |= read;
        let now = self.now;
        if write {
            let core = self.core(None);
            core.shutdown(id).map_err(Errno::from)?;
            core.kick(now);
        }
        self.wake(fd, crate::epoll::Mask::MAX);
        Ok(())
    }

    /// getsockname(2) is not handed over; what `accept` and tests ask is the peer.
    pub fn pipe(&mut self) -> (c_int, c_int) {
        self.fds.pipe()
    }

    fn write_pipe(&mut self, pipe: usize, bytes: &[u8]) -> Outcome<usize> {
        let held = self.fds.pipe_bytes(pipe);
        let n = bytes.len().min(PIPE_CAPACITY - held.len());
        if n == 0 && !bytes.is_empty() {
            return Err(Errno::AGAIN);
        }
        held.extend(&bytes[..n]);
        Ok(n)
    }

    /// read(2) of a pipe or a socket.
    pub fn read(&mut self, fd: c_int, target: Target<'_>, len: usize) -> Outcome<usize> {
        let &Entry::PipeReader(pipe) = self.fds.get(fd)? else {
            return self.recv(fd, target, len, 0).map(|received| received.len);
        };
        let has_writer = self.fds.pipe_has_writer(pipe);
        let held = self.fds.pipe_bytes(pipe);
        let n = len.min(held.len());
        if n == 0 && len > 0 && has_writer {
            return Err(Errno::AGAIN);
        }
        let target = target.ok_or(Errno::FAULT)?;
        for (byte, held) in target.iter_mut().zip(held.drain(..n)) {
            *byte = held;
        }
        Ok(n)
    }

    /// splice(2) between a pipe and a socket.
    pub fn splice(&mut self, from: c_int, to: c_int, len: usize) -> Outcome<usize> {
        match (self.fds.get(from)?, self.fds.get(to)?) {
            (Entry::Socket(_), &Entry::PipeWriter(pipe)) => {
                let room = PIPE_CAPACITY - self.fds.pipe_bytes(pipe).len();
                if room == 0 {
                    return Err(Errno::AGAIN);
                }
                let mut bytes = vec![0; len.min(room)];
                let wanted = bytes.len();
                let n = self.recv(from, Some(&mut bytes), wanted, 0)?.len;
                self.fds.pipe_bytes(pipe).extend(&bytes[..n]);
                Ok(n)
            }
            (&Entry::PipeReader(pipe), Entry::Socket(_)) => {
                let held = self.fds.pipe_bytes(pipe);
                let bytes: Vec<u8> = held.iter().copied().take(len).collect();
                if bytes.is_empty() {
                    return if self.fds.pipe_has_writer(pipe) { Err(Errno::AGAIN) } else { Ok(0) };
                }
                let n = self.send(to, Some(&bytes), 0)?;
                self.fds.pipe_bytes(pipe).drain(..n);
                Ok(n)
            }
            _ => Err(Errno::INVAL),
        }
    }

    /// fcntl(2): F_GETFL and F_SETFL.
    pub fn fcntl(&mut self, fd: c_int, command: c_int, argument: c_int) -> Outcome<c_int> {
        let entry = self.fds.get_mut(fd)?;
        let flags = match entry {
            Entry::Socket(sock) if sock.nonblocking => libc::O_RDWR | libc::O_NONBLOCK,
            Entry::PipeReader(_) => libc::O_RDONLY,
            Entry::PipeWriter(_) => libc::O_WRONLY,
            _ => libc::O_RDWR,
        };
        match command {
            libc::F_GETFL => Ok(flags),
            libc::F_SETFL => {
                if let Entry::Socket(sock) = entry {
                    sock.nonblocking = argument & libc::O_NONBLOCK != 0;
                }
                Ok(0)
            }
            libc::F_GETFD | libc::F_SETFD => Ok(0),
            _ => Err(Errno::INVAL),
        }
    }

    /// ioctl(2): what a request answers, or `None` where it takes its argument from the caller.
    pub fn ioctl(
        &mut self,
        fd: c_int,
        request: u64,
        argument: Option<c_int>,
    ) -> Outcome<Option<c_int>> {
        /// Bytes that were never sent.
        const SIOCOUTQNSD: u64 = 0x894b;
        if request == libc::FIONBIO {
            let argument = argument.ok_or(Errno::FAULT)?;
            self.fds.socket_mut(fd)?.nonblocking = argument != 0;
            return Ok(None);
        }
        let status = self.status(fd)?;
        if matches!(self.fds.socket(fd)?.stage, Stage::Listening(_)) {
            return Err(Errno::INVAL);
        }
        let of = |count: fn(&mafo::Status) -> usize| status.as_ref().map_or(0, count) as c_int;
        match request {
            // One more when only the peer's FIN is left to read.
            libc::FIONREAD => Ok(Some(of(|status| status.readable))),
            libc::TIOCOUTQ => Ok(Some(of(|status| status.unacknowledged))),
            SIOCOUTQNSD => Ok(Some(of(|status| status.unsent))),
            _ => Err(Errno(libc::ENOTTY)),
        }
    }

    /// Whether a call on `fd` may wait.
    pub fn may_wait(&self, fd: c_int, flags: c_int) -> bool {
        let nonblocking = matches!(self.fds.get(fd), Ok(Entry::Socket(sock)) if sock.nonblocking);
        !nonblocking && flags & libc::MSG_DONTWAIT == 0
    }

    /// Whether somebody who writes to `fd` would get on.
    pub fn is_writable(&self, fd: c_int) -> Outcome<bool> {
        let status = self.status(fd)?;
        let sock = self.fds.socket(fd)?;
        Ok(status.is_some_and(|status| has_room(sock, &status)))
    }
}
