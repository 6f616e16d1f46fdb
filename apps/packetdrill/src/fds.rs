//! The descriptors of one script.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::path::Path;

use libc::c_int;
use mafo::{Info, ListenerId, Options, SocketId, Timeouts};

use crate::epoll::Epoll;
use crate::errno::{Errno, Outcome};

/// Numbers begin here, far above those of the kernel: who sees one knows whose it is.
pub const FIRST: c_int = 1 << 24;

/// Bytes that a pipe holds.
pub const PIPE_CAPACITY: usize = 65_536;

/// What a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Made, and perhaps bound.
    Fresh,
    /// Listening.
    Listening(ListenerId),
    /// A connection, from its first SYN to long after its end.
    Connection(SocketId),
}

/// What a connection has told the caller of its opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `connect` has not succeeded yet.
    Untold,
    /// It has, or `accept` made the socket.
    Told,
}

/// A socket as the caller sees it.
#[derive(Clone, Debug)]
pub struct Sock {
    /// What it is.
    pub stage: Stage,
    /// O_NONBLOCK.
    pub nonblocking: bool,
    /// What the stack is told.
    pub options: Options,
    /// Where `bind` put it.
    pub bound: Option<SocketAddrV4>,
    /// Whether `connect` has succeeded.
    pub opening: Opening,
    /// SO_SNDBUF.
    pub send_buffer: u32,
    /// Whether that was set, and so does not grow.
    pub send_buffer_locked: bool,
    /// Bytes in the last piece of the unsent ones: a write goes on there.
    pub tail: usize,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// SHUT_RD.
    pub read_shut: bool,
    /// What the next call is told, once (SO_ERROR).
    pub error: Option<Errno>,
    /// Somebody found no room to write and wants to know when there is.
    pub wants_room: bool,
    /// SO_LINGER in seconds.
    pub linger: Option<c_int>,
    /// TCP_NOTSENT_LOWAT; 0: as the system has it.
    pub notsent_lowat: u32,
    /// What the system has.
    pub notsent_lowat_default: u32,
    /// TCP_INQ.
    pub inq: bool,
    /// Options that are kept for whoever asks, by level and name.
    pub kept: BTreeMap<(c_int, c_int), c_int>,
    /// How the connection stood when it was last looked at.
    pub last_info: Option<Info>,
}

impl Sock {
    /// The connection, if it is one.
    #[must_use]
    pub fn connection(&self) -> Option<SocketId> {
        match self.stage {
            Stage::Connection(id) => Some(id),
            Stage::Fresh | Stage::Listening(_) => None,
        }
    }
}

/// What a descriptor stands for.
#[derive(Debug)]
pub enum Entry {
    /// A socket.
    Socket(Box<Sock>),
    /// A set of events.
    Epoll(Epoll),
    /// The end of a pipe that is read.
    PipeReader(usize),
    /// The end of a pipe that is written.
    PipeWriter(usize),
}

/// All descriptors.
#[derive(Debug, Default)]
pub struct Fds {
    entries: BTreeMap<c_int, Entry>,
    pipes: Vec<VecDeque<u8>>,
}

impl Fds {
    /// A descriptor for `entry`: the lowest number that is free.
    pub fn insert(&mut self, entry: Entry) -> c_int {
        let mut fd = FIRST;
        while self.entries.contains_key(&fd) {
            fd += 1;
        }
        self.entries.insert(fd, entry);
        fd
    }

    /// What `fd` stands for.
    pub fn get(&self, fd: c_int) -> Outcome<&Entry> {
        self.entries.get(&fd).ok_or(Errno::BADF)
    }

    /// What `fd` stands for.
    pub fn get_mut(&mut self, fd: c_int) -> Outcome<&mut Entry> {
        self.entries.get_mut(&fd).ok_or(Errno::BADF)
    }

    /// The socket `fd`.
    pub fn socket(&self, fd: c_int) -> Outcome<&Sock> {
        match self.entries.get(&fd) {
            Some(Entry::Socket(sock)) => Ok(sock),
            Some(_) => Err(Errno(libc::ENOTSOCK)),
            None => Err(no_socket(fd)),
        }
    }

    /// The socket `fd`.
    pub fn socket_mut(&mut self, fd: c_int) -> Outcome<&mut Sock> {
        match self.entries.get_mut(&fd) {
            Some(Entry::Socket(sock)) => Ok(sock),
            Some(_) => Err(Errno(libc::ENOTSOCK)),
            None => Err(no_socket(fd)),
        }
    }

    /// The set of events `fd`.
    pub fn epoll_mut(&mut self, fd: c_int) -> Outcome<&mut Epoll> {
        match self.get_mut(fd)? {
            Entry::Epoll(epoll) => Ok(epoll),
            _ => Err(Errno::INVAL),
        }
    }

    /// Takes `fd` away, also from every set of events.
    pub fn remove(&mut self, fd: c_int) -> Outcome<Entry> {
        let entry = self.entries.remove(&fd).ok_or(Errno::BADF)?;
        for epoll in self.epolls_mut() {
            epoll.forget(fd);
        }
        Ok(entry)
    }

    /// Every set of events.
    pub fn epolls_mut(&mut self) -> impl Iterator<Item = &mut Epoll> {
        self.entries.values_mut().filter_map(|entry| match entry {
            Entry::Epoll(epoll) => Some(epoll),
            _ => None,
        })
    }

    /// The descriptor of connection `id`.
    #[must_use]
    pub fn of_connection(&self, id: SocketId) -> Option<c_int> {
        self.find(Stage::Connection(id))
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = SocketId> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Socket(sock) => sock.connection(),
            _ => None,
        })
    }

    /// All sockets.
    pub fn sockets_mut(&mut self) -> impl Iterator<Item = &mut Sock> {
        self.entries.values_mut().filter_map(|entry| match entry {
            Entry::Socket(sock) => Some(&mut **sock),
            _ => None,
        })
    }

    /// The descriptor of a listener.
    #[must_use]
    pub fn of_listener(&self, id: ListenerId) -> Option<c_int> {
        self.find(Stage::Listening(id))
    }

    fn find(&self, stage: Stage) -> Option<c_int> {
        let is_it = |entry: &Entry| matches!(entry, Entry::Socket(sock) if sock.stage == stage);
        self.entries.iter().find(|(_, entry)| is_it(entry)).map(|(&fd, _)| fd)
    }

    /// A new pipe: the end that is read, and the one that is written.
    pub fn pipe(&mut self) -> (c_int, c_int) {
        self.pipes.push(VecDeque::new());
        let pipe = self.pipes.len() - 1;
        (self.insert(Entry::PipeReader(pipe)), self.insert(Entry::PipeWriter(pipe)))
    }

    /// The bytes in pipe `n`.
    pub fn pipe_bytes(&mut self, n: usize) -> &mut VecDeque<u8> {
        &mut self.pipes[n]
    }

    /// Whether anybody holds the end that is written.
    #[must_use]
    pub fn pipe_has_writer(&self, n: usize) -> bool {
        self.entries.values().any(|entry| matches!(entry, Entry::PipeWriter(pipe) if *pipe == n))
    }
}

/// What a call on a socket answers that is given `fd`, which is none of ours: the kernel may have it, as a file.
fn no_socket(fd: c_int) -> Errno {
    let is_open = (0..FIRST).contains(&fd) && Path::new(&format!("/proc/self/fd/{fd}")).exists();
    if is_open { Errno(libc::ENOTSOCK) } else { Errno::BADF }
}
