//! Listeners and what waits to be accepted.

use core::net::SocketAddr;
use std::collections::VecDeque;

use mafo_t4::Stid;

use crate::slab::SocketId;
use crate::tom::MemberId;
use crate::{Options, PathChoice};

/// A listener of this stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) options: Options,
    /// Where it is on the adapters.
    pub(crate) stids: Vec<(MemberId, Stid)>,
    /// Connections whose handshake is under way.
    pub(crate) opening: usize,
    /// Connections that are established and wait to be accepted.
    pub(crate) ready: VecDeque<SocketId>,
    pub(crate) backlog: usize,
}

impl Listener {
    /// Whether a SYN may open another connection: as in Linux, while the accept queue has room, and
    /// with as many handshakes under way as the queue is long.
    pub(crate) fn has_room(&self) -> bool {
        self.ready.len() + self.opening < 2 * self.backlog && self.ready.len() < self.backlog
    }

    pub(crate) fn takes(&self, local: SocketAddr) -> bool {
        self.address.port() == local.port()
            && (self.address.ip().is_unspecified() || self.address.ip() == local.ip())
    }

    /// Whether the host path answers its SYNs: because it was asked to, or because no adapter does.
    pub(crate) fn is_host_path(&self) -> bool {
        self.options.path == PathChoice::Host || self.stids.is_empty()
    }
}
