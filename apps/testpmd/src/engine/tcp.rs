//! What engines that end TCP have in common: connections that have something to do, each in its turn.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use mafo::{Core, Event, ListenerId, Nanos, Options, PathChoice, SocketError, SocketId};

/// Connections served in one turn, so that adapters are looked at in between.
const PER_TURN: usize = 64;
/// Bytes taken or given at a time.
pub(super) const CHUNK: usize = 16 * 1024;

/// How engines that end TCP behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    /// Whom tcpgen talks to; `None`: the one other bond of this program.
    pub(crate) target: Option<Ipv4Addr>,
    /// Where tcpecho and tcpsink listen, and tcpgen connects to.
    pub(crate) port: u16,
    /// Connections of tcpgen.
    pub(crate) connections: u32,
    /// Bytes that each of them has on the way there and back, at most; 0: as many as there is room for.
    pub(crate) outstanding: u64,
    /// Where TCP runs.
    pub(crate) path: PathChoice,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            target: None,
            port: 5001,
            connections: 64,
            outstanding: 0,
            path: PathChoice::Offload,
        }
    }
}

impl Tcp {
    /// What sockets are made with.
    pub(super) fn options(self) -> Options {
        Options::on(self.path).with_nagle(false)
    }
}

mafo::counters! {
    /// What an engine that ends TCP counts.
    pub(crate) struct TcpCounters {
        /// Connections that were accepted, or opened.
        connections,
        /// Those that ended in good order.
        closed,
        /// Those that ended otherwise, or did not come up.
        failed,
        rx_bytes,
        tx_bytes,
        /// Bytes that were not what was sent.
        corrupt,
    }
}

/// A connection, as its engine knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    /// It waits for its turn.
    is_queued: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// How a turn of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There may be more to do at once.
    More,
    /// An event will tell.
    Wait,
    /// It is over, in good order.
    Finished,
    /// It is over otherwise.
    Failed,
}

/// The connections of an engine.
#[derive(Debug, Default)]
pub(super) struct Calls {
    listener: Option<ListenerId>,
    calls: HashMap<SocketId, Call>,
    queue: VecDeque<SocketId>,
}

impl Calls {
    /// Room for so many.
    pub(super) fn with_room(connections: usize) -> Self {
        Self {
            listener: None,
            calls: HashMap::with_capacity(connections),
            queue: VecDeque::with_capacity(connections),
        }
    }

    /// Listens, unless it does already. A port that somebody has is tried again the next time.
    pub(super) fn listen(&mut self, core: &mut Core, tcp: Tcp, backlog: usize) {
        if self.listener.is_none() {
            let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, tcp.port));
            self.listener = core.listen(at, backlog, tcp.options()).ok();
        }
    }

    /// A connection more.
    pub(super) fn add(&mut self, id: SocketId) {
        self.calls.insert(id, Call { is_queued: true, ..Call::default() });
        self.queue.push_back(id);
    }

    /// Hears what has happened: accepts, and queues those that can go on.
    pub(super) fn hear(&mut self, core: &mut Core, counters: &mut TcpCounters) {
        while let Some(event) = core.poll_event() {
            match event {
                Event::Incoming(listener) => {
                    while let Some(id) = core.accept(listener) {
                        counters.connections += 1;
                        self.add(id);
                    }
                }
                Event::Socket(id, _) | Event::Arrived(id, _) => {
                    let call = self.calls.get_mut(&id).filter(|call| !call.is_queued);
                    if let Some(call) = call {
                        call.is_queued = true;
                        self.queue.push_back(id);
                    }
                }
            }
        }
    }

    /// Gives those that wait a turn.
    pub(super) fn serve(
        &mut self,
        now: Nanos,
        core: &mut Core,
        counters: &mut TcpCounters,
        mut serve: impl FnMut(&mut Core, SocketId, &mut Call, &mut TcpCounters) -> Turn,
    ) {
        for _ in 0..self.queue.len().min(PER_TURN) {
            let Some(id) = self.queue.pop_front() else { break };
            let Some(call) = self.calls.get_mut(&id) else { continue };
            match serve(core, id, call, counters) {
                Turn::More => self.queue.push_back(id),
                Turn::Wait => call.is_queued = false,
                over @ (Turn::Finished | Turn::Failed) => {
                    counters.failed += u64::from(over == Turn::Failed);
                    counters.closed += u64::from(over == Turn::Finished);
                    self.calls.remove(&id);
                    core.close(now, id);
                }
            }
        }
    }

    /// Ends all of them by a reset: nobody will be there to end them in order.
    pub(super) fn abandon(&mut self, now: Nanos, core: &mut Core) {
        if let Some(listener) = self.listener.take() {
            core.close_listener(now, listener);
        }
        for (id, _) in self.calls.drain() {
            core.abort(now, id);
        }
        self.queue.clear();
    }
}

/// How a connection stands that cannot be read, or written to.
pub(super) fn unreadable(error: SocketError) -> Turn {
    match error {
        SocketError::WouldBlock | SocketError::NotConnected => Turn::Wait,
        _ => Turn::Failed,
    }
}
