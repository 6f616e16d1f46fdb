//! Listeners and what waits to be accepted.

use core::net::SocketAddr;
use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_t4::Stid;
use mafo_tcp::syncookie;

use crate::slab::SocketId;
use crate::tom::MemberId;
use crate::{Options, PathChoice};

/// A listener of this stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// As the application asked for them.
    pub(crate) options: Options,
    /// Who answers its SYNs, as was decided when it began to listen.
    pub(crate) path: PathChoice,
    /// Where it is on the adapters.
    pub(crate) stids: Vec<(MemberId, Stid)>,
    /// Connections whose handshake is under way.
    pub(crate) opening: usize,
    /// Connections that are established and wait to be accepted.
    pub(crate) ready: VecDeque<SocketId>,
    pub(crate) backlog: usize,
    /// When a SYN was last answered by a cookie.
    pub(crate) last_cookie: Option<Nanos>,
}

impl Listener {
    /// Whether as many connections wait to be accepted as may: as in Linux, one more than the backlog.
    pub(crate) fn accept_queue_is_full(&self) -> bool {
        self.ready.len() > self.backlog
    }

    /// Whether as many handshakes are under way as may: as many as the backlog, and no more than `most`.
    //= rfc4987#3.2 RFC4987-3.2-1
    pub(crate) fn syn_queue_is_full(&self, most: usize) -> bool {
        self.opening >= self.backlog.min(most)
    }

    /// Whether an ACK may answer one of this listener's cookies.
    pub(crate) fn gave_cookies(&self, now: Nanos) -> bool {
        self.last_cookie.is_some_and(|at| now - at <= syncookie::LIFETIME)
    }

    pub(crate) fn takes(&self, local: SocketAddr) -> bool {
        self.address.port() == local.port()
            && (self.address.ip().is_unspecified() || self.address.ip() == local.ip())
    }

    /// Whether the host path answers its SYNs: because it was asked to, or because no adapter does.
    pub(crate) fn is_host_path(&self) -> bool {
        self.path == PathChoice::Host || self.stids.is_empty()
    }
}
