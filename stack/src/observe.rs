//! What can be told of a socket without changing it, and what of its settings can be changed later.

use mafo_mem::Nanos;
use mafo_pmd::stats::{See, each};
use mafo_tcp::{Ended, IcmpError, Switches};

use crate::core::Core;
use crate::error::{ConnectionError, SocketError};
use crate::listener::ListenerId;
use crate::slab::SocketId;
use crate::socket::{Path, SendSide};
use crate::tom::state::{State as CardState, Transitions};
use crate::tuple::FourTuple;
use crate::{Counters, Info, Options};

/// Where a socket's connection is in its life; TIME_WAIT is over for the socket, though not for the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The next hop is being asked for, or our SYN is out.
    Opening,
    /// Open, at least in one direction.
    Open,
    /// Over, in good order or not.
    Over,
}

/// How a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where the connection is in its life.
    pub life: Life,
    /// Bytes to read.
    pub readable: usize,
    /// The peer's FIN is in order behind them.
    pub peer_closed: bool,
    /// Our side has been shut down.
    pub shut_down: bool,
    /// Bytes that [`Core::send`] would take now.
    pub send_room: usize,
    /// Bytes written that the peer has not acknowledged.
    pub unacknowledged: usize,
    /// Bytes written that were never sent. On the offload path those that the card has and has not sent are among them
    /// only as of when it was last asked ([`Core::ask_card`]).
    pub unsent: usize,
    /// Why the connection ended before its time.
    pub error: Option<ConnectionError>,
}

impl Core {
    /// How `id` stands, or `None` when there is no such socket any more.
    #[must_use]
    pub fn status(&self, id: SocketId) -> Option<Status> {
        let socket = self.sockets.get(id)?;
        let life = match &socket.path {
            Path::Resolving => Life::Opening,
            Path::Host(host) if !host.conn.state().is_synchronized() => Life::Opening,
            Path::Offload(conn)
                if matches!(conn.state, CardState::Opening | CardState::Accepting) =>
            {
                Life::Opening
            }
            Path::Host(_) | Path::Offload(_) => Life::Open,
            Path::Ended => Life::Over,
        };
        let unsent = match &socket.path {
            Path::Host(host) => host.conn.unsent() as usize,
            Path::Offload(conn) => {
                let unposted = (socket.tx.written() - socket.tx.posted()) as usize;
                unposted + conn.unsent_of_posted(socket.tx.posted())
            }
            Path::Resolving | Path::Ended => (socket.tx.written() - socket.tx.posted()) as usize,
        };
        Some(Status {
            life,
            readable: socket.rx.available(),
            peer_closed: socket.peer_closed,
            shut_down: socket.send_side == SendSide::Shutdown,
            send_room: socket.send_room(),
            unacknowledged: (socket.tx.written() - socket.tx.acked()) as usize,
            unsent,
            error: socket.error,
        })
    }

    /// How the connection of `id` stands: as the engine says, or as the card said when it was last asked
    /// ([`Core::ask_card`]). `None` where nobody has said anything.
    #[must_use]
    pub fn info(&self, id: SocketId) -> Option<Info> {
        match &self.sockets.get(id)?.path {
            Path::Host(host) => Some(host.conn.info(&self.engine.config)),
            Path::Offload(_) => self.card_info(id),
            Path::Resolving | Path::Ended => None,
        }
    }

    /// How the connection of `id` ended, once it has; with what an application can make little of, such as which
    /// timer gave it up. TIME_WAIT, which may go on, is [`Core::is_in_time_wait`].
    #[must_use]
    pub fn ended(&self, id: SocketId) -> Option<Ended> {
        self.sockets.get(id)?.ended
    }

    /// Whether the stack keeps TIME_WAIT for `tuple`.
    #[must_use]
    pub fn is_in_time_wait(&self, tuple: &FourTuple) -> bool {
        self.time_wait.contains(tuple)
    }

    /// What a router said last of the connection of `id`, if nothing came through since.
    #[must_use]
    pub fn soft_error(&self, id: SocketId) -> Option<IcmpError> {
        match &self.sockets.get(id)?.path {
            Path::Host(host) => host.conn.soft_error(),
            Path::Offload(_) | Path::Resolving | Path::Ended => self.soft_error_of(id),
        }
    }

    /// Copies bytes that stay to be read; 0 at the end of the stream, as [`Core::recv`].
    pub fn peek(&self, id: SocketId, buf: &mut [u8]) -> Result<usize, SocketError> {
        let socket = self.sockets.get(id).ok_or(SocketError::NoSuchSocket)?;
        if socket.rx.available() == 0 {
            return socket.nothing_to_read();
        }
        Ok(socket.rx.peek(buf))
    }

    /// Connections that wait on `listener` to be accepted.
    #[must_use]
    pub fn waiting(&self, listener: ListenerId) -> usize {
        self.listeners.get(&listener).map_or(0, |listener| listener.ready.len())
    }

    /// The settings of `id`.
    #[must_use]
    pub fn options(&self, id: SocketId) -> Option<Options> {
        self.sockets.get(id).map(|socket| *socket.options)
    }

    /// Whether the adapter of `id` is to keep the commit rule for it.
    #[must_use]
    pub fn is_protected(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_none_or(|socket| socket.options.wants_commits())
    }

    /// Changes the settings of `id`; those that count before the handshake change nothing after it.
    pub fn set_options(&mut self, now: Nanos, id: SocketId, options: Options) {
        // What its adapter was told of protection stays true, and what its bond goes by when that dies.
        let Some(protect) = self.sockets.get(id).map(|socket| socket.options.protect) else {
            return;
        };
        let options = Options { protect, ..options };
        let shared = self.share(options);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let before = *core::mem::replace(&mut socket.options, shared);
        if matches!(socket.path, Path::Offload(_)) {
            self.tom_set_options(id, before);
        } else if let Path::Host(host) = &mut socket.path {
            let before = host.conn.switches();
            host.conn.set_switches(&self.engine, now, options.switches(before));
            self.list(id);
        }
    }

    /// Changes what the sockets of `listener` will be made with.
    pub fn set_listener_options(&mut self, listener: ListenerId, options: Options) {
        if let Some(listener) = self.listeners.get_mut(&listener) {
            listener.options = options;
        }
    }
}

impl Options {
    /// Whether an adapter is to keep the commit rule, if it does.
    pub(crate) fn wants_commits(&self) -> bool {
        self.protect != Some(false)
    }

    /// The engine's switches, as `before` but for what these settings say.
    pub(crate) fn switches(&self, before: Switches) -> Switches {
        Switches {
            nagle: self.nagle,
            cork: self.cork,
            delayed_ack: !self.quick_ack,
            keepalive: self.keepalive,
            ..before
        }
    }
}

/// What was counted.
impl Core {
    /// Shows what the stack and the host path's engine counted: `stack_rx_arp`, `tcp_timeouts`.
    pub fn each_stat(&self, see: &mut See<'_>) {
        each(see, "stack", self.counters.iter());
        each(see, "tcp", self.engine.counters.iter());
    }

    /// Everything the stack counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What offloaded connections went through.
    #[must_use]
    pub fn transitions(&self) -> &Transitions {
        &self.transitions
    }

    /// Everything the host path's engine counted.
    #[must_use]
    pub fn tcp_counters(&self) -> &mafo_tcp::Counters {
        &self.engine.counters
    }
}
