//! Our application: it sends and receives on every connection throughout, and compares every byte.

use std::net::SocketAddr;
use std::ops::Range;

use mafo::{ConnectionError, Core, FourTuple, ListenerId, Nanos, Options, SocketError, SocketId};

use crate::peer::{End, Endpoints, Plan};
use crate::stream::{Direction, Stream};

/// Connections served in one turn.
const PER_TURN: usize = 32;
/// Bytes per call.
const CHUNK: usize = 16 * 1024;

/// One of our ends.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) socket: Option<SocketId>,
    out: Stream,
    incoming: Stream,
    /// Bytes that the socket has taken.
    pub(crate) sent: u64,
    /// Bytes that it has given us.
    pub(crate) received: u64,
    pub(crate) corrupt: u64,
    pub(crate) end_of_stream: bool,
    pub(crate) closed: bool,
    pub(crate) error: Option<SocketError>,
    shut: bool,
    last_arrival: Nanos,
    /// Longest pause between two arrivals that ended after the cut.
    pub(crate) stall: Nanos,
}

impl Ours {
    /// Whether it ended since its adapter died and nobody could go on with it.
    pub(crate) fn is_lost(&self) -> bool {
        self.error == Some(SocketError::Connection(ConnectionError::Lost))
    }
}

/// All of our ends.
pub(crate) struct Application {
    pub(crate) connections: Vec<Ours>,
    plan: Plan,
    listener: ListenerId,
    options: Options,
    sends: bool,
    /// Those that send nothing for a while.
    paused: Range<usize>,
    cut: Option<Nanos>,
    chunk: Vec<u8>,
    /// Whose turn was last.
    next: usize,
}

impl Application {
    /// Listens, for those of the `connections` that the peer opens.
    pub(crate) fn new(
        core: &mut Core,
        plan: &Plan,
        options: Options,
        (seed, connections, sends): (u64, u32, bool),
    ) -> Result<Self, mafo::ListenError> {
        let at: SocketAddr = (plan.ours, plan.listen_port).into();
        let listener = core.listen(at, connections as usize + 1, options)?;
        let ours = |id| Ours {
            socket: None,
            out: Stream::new(seed, id, Direction::ToPeer),
            incoming: Stream::new(seed, id, Direction::FromPeer),
            sent: 0,
            received: 0,
            corrupt: 0,
            end_of_stream: false,
            closed: false,
            error: None,
            shut: false,
            last_arrival: Nanos::ZERO,
            stall: Nanos::ZERO,
        };
        Ok(Self {
            connections: (0..connections).map(ours).collect(),
            plan: plan.clone(),
            listener,
            options,
            sends,
            paused: 0..0,
            cut: None,
            chunk: vec![0; CHUNK],
            next: 0,
        })
    }

    /// Opens connection `id`.
    pub(crate) fn open(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: u32,
    ) -> Result<(), mafo::ConnectError> {
        let Some(ends) = self.plan.endpoints(id, End::Ours) else { return Ok(()) };
        let socket = core.connect(now, ends.peer.into(), Some(ends.ours.port()), self.options)?;
        self.connections[id as usize].socket = Some(socket);
        Ok(())
    }

    /// Accepts, sends, receives.
    pub(crate) fn poll(&mut self, now: Nanos, core: &mut Core) {
        while let Some(socket) = core.accept(self.listener) {
            if let Some(id) = core.tuple(socket).and_then(|tuple| self.number(&tuple)) {
                self.connections[id as usize].socket = Some(socket);
            }
        }
        // Every connection is looked at in its turn: events are not needed to know whom to ask.
        while core.poll_event().is_some() {}
        // A share of them a turn: between two looks at the adapters no more frames may come than a
        // cable's queue holds.
        for _ in 0..self.connections.len().min(PER_TURN) {
            self.next = (self.next + 1) % self.connections.len();
            self.send(core, self.next);
            self.receive(now, core, self.next);
        }
    }

    fn number(&self, tuple: &FourTuple) -> Option<u32> {
        let (SocketAddr::V4(ours), SocketAddr::V4(peer)) = (tuple.local, tuple.remote) else {
            return None;
        };
        let (id, _) = self.plan.identify(Endpoints { peer, ours })?;
        ((id as usize) < self.connections.len()).then_some(id)
    }

    fn send(&mut self, core: &mut Core, n: usize) {
        let ours = &mut self.connections[n];
        let may_send = self.sends && !ours.shut && !self.paused.contains(&n);
        let Some(socket) = ours.socket.filter(|_| may_send) else { return };
        let room = core.send_room(socket).min(CHUNK);
        if room < CHUNK / 4 {
            return;
        }
        let chunk = &mut self.chunk[..room];
        ours.out.fill(ours.sent, chunk);
        match core.send(socket, chunk) {
            Ok(bytes) => ours.sent += bytes as u64,
            Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
            Err(error) => ours.error = Some(error),
        }
    }

    fn receive(&mut self, now: Nanos, core: &mut Core, n: usize) {
        let ours = &mut self.connections[n];
        let Some(socket) = ours.socket.filter(|_| !ours.closed) else { return };
        match core.recv(socket, &mut self.chunk) {
            Ok(0) => {
                ours.end_of_stream = true;
                ours.closed = ours.shut && core.is_over(socket);
                if ours.closed {
                    core.close(now, socket);
                }
            }
            Ok(bytes) => {
                ours.corrupt += ours.incoming.mismatches(ours.received, &self.chunk[..bytes]);
                ours.received += bytes as u64;
                if self.cut.is_some() {
                    ours.stall = ours.stall.max(now - ours.last_arrival);
                }
                ours.last_arrival = now;
            }
            Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
            Err(error) => {
                if let SocketError::Connection(ConnectionError::Aborted) = error {
                    ours.closed = true;
                }
                ours.error = Some(error);
            }
        }
    }

    /// From now on the longest pause between two arrivals is remembered.
    pub(crate) fn mark(&mut self, now: Nanos) {
        self.cut = Some(now);
        for ours in &mut self.connections {
            ours.stall = Nanos::ZERO;
        }
    }

    /// These, and only these, send nothing from now on.
    #[cfg(debug_assertions)]
    pub(crate) fn pause(&mut self, connections: Range<usize>) {
        self.paused = connections;
    }

    /// Nothing more is sent: a FIN follows.
    pub(crate) fn shutdown(&mut self, core: &mut Core) {
        for ours in &mut self.connections {
            if let Some(socket) = ours.socket.filter(|_| !ours.shut) {
                ours.shut = true;
                if let Err(error) = core.shutdown(socket) {
                    ours.error = Some(error);
                }
            }
        }
    }

    /// Which connection has `socket`.
    pub(crate) fn of(&self, socket: SocketId) -> Option<usize> {
        self.connections.iter().position(|ours| ours.socket == Some(socket))
    }

    /// Whether connection `n` has bytes that the peer has not acknowledged.
    pub(crate) fn in_flight(&self, core: &Core, n: usize) -> bool {
        self.connections[n].socket.is_some_and(|socket| core.unacknowledged(socket) > 0)
    }

    /// Connections that are open.
    pub(crate) fn open_count(&self, core: &Core) -> usize {
        self.connections
            .iter()
            .filter(|ours| ours.socket.is_some_and(|socket| core.is_established(socket)))
            .count()
    }
}
