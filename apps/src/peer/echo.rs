//! A TCP echo service of the peer's host.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::rc::Rc;

use crate::sys::{self, Epoll};

/// The event loop's numbers of the service's connections.
pub(super) const ECHO_TOKENS: u64 = 2 << 32;
/// And of its listening socket.
pub(super) const ECHO_LISTENER_TOKEN: u64 = 3;

/// Most bytes of one connection that are on their way back.
const BUFFER_LEN: usize = 64 << 10;

/// One caller: what came is sent back before more is taken.
#[derive(Debug)]
struct Caller {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer has been sent back.
    done: usize,
}

impl Caller {
    /// Takes or gives as far as possible; false when the connection is over.
    fn turn(&mut self) -> io::Result<bool> {
        if self.done == self.buffer.len() {
            self.buffer.resize(BUFFER_LEN, 0);
            self.done = 0;
            let read = self.socket.read(&mut self.buffer);
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            if read? == 0 {
                self.socket.shutdown(Shutdown::Write)?;
                return Ok(false);
            }
        }
        self.done += self.socket.write(&self.buffer[self.done..])?;
        Ok(true)
    }

    fn interest(&self) -> u32 {
        let sends = self.done < self.buffer.len();
        (if sends { libc::EPOLLOUT } else { libc::EPOLLIN }) as u32
    }
}

/// The service on one port.
#[derive(Debug)]
pub(super) struct EchoService {
    epoll: Rc<Epoll>,
    listener: TcpListener,
    callers: BTreeMap<u64, Caller>,
    next: u64,
}

impl EchoService {
    /// Listens on `port` of every address.
    pub(super) fn new(port: u16, epoll: Rc<Epoll>) -> io::Result<Self> {
        let socket = sys::tcp_socket(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))?;
        sys::listen(&socket, 128)?;
        let listener = TcpListener::from(socket);
        epoll.add(&listener, ECHO_LISTENER_TOKEN, libc::EPOLLIN as u32)?;
        Ok(Self { epoll, listener, callers: BTreeMap::new(), next: ECHO_TOKENS })
    }

    /// Accepts one connection, if one has come.
    pub(super) fn accept(&mut self) -> io::Result<()> {
        let socket = match self.listener.accept() {
            Ok((socket, _)) => socket,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted) =>
            {
                return Ok(());
            }
            Err(error) => {
                // Asking again would fail again, at once and forever.
                self.epoll.remove(&self.listener)?;
                return Err(error);
            }
        };
        socket.set_nonblocking(true)?;
        let token = self.next;
        self.next += 1;
        let caller = Caller { socket, buffer: Vec::new(), done: 0 };
        self.epoll.add(&caller.socket, token, caller.interest())?;
        self.callers.insert(token, caller);
        Ok(())
    }

    /// One turn of the connection behind `token`. A caller that resets its connection loses it.
    pub(super) fn turn(&mut self, token: u64) {
        let Some(caller) = self.callers.get_mut(&token) else { return };
        let before = caller.interest();
        let alive = match caller.turn() {
            Err(error) => error.kind() == ErrorKind::WouldBlock,
            Ok(alive) => alive,
        };
        let after = caller.interest();
        let watched = after == before || self.epoll.modify(&caller.socket, token, after).is_ok();
        if !(alive && watched) {
            self.callers.remove(&token);
        }
    }
}
