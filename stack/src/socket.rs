//! A socket: two byte streams, who holds it, and where its TCP runs.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};
use std::collections::VecDeque;
use std::sync::Arc;

use mafo_tcp::{Ended, IcmpError};

use crate::Options;
use crate::buffer::{RecvBuffer, SendBuffer};
use crate::error::{ConnectionError, SocketError};
use crate::host::HostPath;
use crate::lend::{LENT_BYTES_MAX, LENT_PIECES_MAX};
use crate::listener::ListenerId;
use crate::slab::SocketId;
use crate::timeouts::Watch;
use crate::tom::Offloaded;
use crate::tuple::Ends;
use crate::urgent::Marks;

/// What a socket is ready for. An event reports what has become true since the last one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness(u8);

impl Readiness {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The handshake is through.
    pub const CONNECTED: Self = Self(1);
    /// There are bytes to read, or the end of the stream.
    pub const READABLE: Self = Self(2);
    /// There is room to write.
    pub const WRITABLE: Self = Self(4);
    /// Both directions have been closed and acknowledged.
    pub const CLOSED: Self = Self(8);
    /// The connection ended before its time; the next call on the socket says why.
    pub const ERROR: Self = Self(16);
    /// The peer has called bytes urgent that are still to be read.
    pub const URGENT: Self = Self(32);
    /// The same bytes were retransmitted R1 times ([`mafo_tcp::Config::retransmits_advice`]) and nobody answers. The
    /// connection goes on, until R2; how often by now is in [`crate::Info::timeouts`].
    pub const UNRESPONSIVE: Self = Self(64);

    /// Whether all of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Readiness {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            ["CONNECTED", "READABLE", "WRITABLE", "CLOSED", "ERROR", "URGENT", "UNRESPONSIVE"];
        f.debug_set()
            .entries(names.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1))
            .finish()
    }
}

/// What the application may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendSide {
    /// Bytes.
    Open,
    /// Nothing: a FIN follows what is written.
    Shutdown,
}

/// Who holds the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A listener, until somebody accepts it.
    Listener(ListenerId),
    /// The application.
    Application,
    /// Nobody: it is finished in good order and forgotten.
    Nobody,
}

/// Where a socket's TCP runs.
#[derive(Debug)]
pub(crate) enum Path {
    /// Nowhere yet: the next hop is being asked for.
    Resolving,
    /// In an adapter.
    Offload(Box<Offloaded>),
    /// In this stack's own engine.
    Host(Box<HostPath>),
    /// Nowhere any more.
    Ended,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) ends: Ends,
    pub(crate) tx: SendBuffer,
    pub(crate) rx: RecvBuffer,
    pub(crate) send_side: SendSide,
    pub(crate) holder: Holder,
    pub(crate) path: Path,
    /// The peer's FIN is in order behind the bytes received.
    pub(crate) peer_closed: bool,
    pub(crate) options: Arc<Options>,
    pub(crate) urgent: Marks,
    pub(crate) watch: Watch,
    pub(crate) error: Option<ConnectionError>,
    /// How TCP ended, once it has.
    pub(crate) ended: Option<Ended>,
    /// Offloaded: the last ICMP error, and what was acknowledged then. It counts while nothing more is.
    pub(crate) soft_error: Option<(IcmpError, u64)>,
    /// What the application has not been told yet.
    pub(crate) news: Readiness,
}

impl Socket {
    /// Bytes that can be written now.
    pub(crate) fn send_room(&self) -> usize {
        let limit = self.options.send_limit.map_or(usize::MAX, |limit| limit as usize);
        let held = (self.tx.written() - self.tx.acked()) as usize;
        self.tx.free().min(limit.saturating_sub(held))
    }

    /// Whether `len` more bytes may be lent to it now. With nothing to send it takes any number.
    pub(crate) fn takes_lent(&self, len: usize) -> bool {
        let limit = self.options.send_limit.map_or(LENT_BYTES_MAX, |limit| limit as usize);
        let held = (self.tx.written() - self.tx.acked()) as usize;
        self.tx.lent_pieces() < LENT_PIECES_MAX
            && (held == 0 || held.saturating_add(len) <= limit)
            && len <= LENT_BYTES_MAX
    }

    /// Notes that the socket, which is `id`, is now ready for `readiness`; `news` are those of whom the application has
    /// something to hear.
    pub(crate) fn tell(
        &mut self,
        id: SocketId,
        readiness: Readiness,
        news: &mut VecDeque<SocketId>,
    ) {
        if self.news.is_empty() {
            news.push_back(id);
        }
        self.news |= readiness;
    }

    /// What a reader is told when there is nothing to read.
    pub(crate) fn nothing_to_read(&self) -> Result<usize, SocketError> {
        match self.error {
            Some(error) => Err(error.into()),
            None if self.peer_closed || matches!(self.path, Path::Ended) => Ok(0),
            None => Err(SocketError::WouldBlock),
        }
    }
}
