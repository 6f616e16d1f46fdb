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
    /// Its number in the plan.
    pub(crate) id: u32,
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

/// All of our ends, or those of one lcore.
pub(crate) struct Application {
    /// By their numbers.
    pub(crate) connections: Vec<Ours>,
    plan: Plan,
    listener: ListenerId,
    options: Options,
    sends: bool,
    /// Those that send nothing for a while.
    paused: Range<u32>,
    cut: Option<Nanos>,
    chunk: Vec<u8>,
    /// Whose turn was last.
    next: usize,
}

impl Application {
    /// Listens, for those of the connections `ids`, ascending, that the peer opens.
    pub(crate) fn new(
        core: &mut Core,
        plan: &Plan,
        options: Options,
        (seed, ids, sends): (u64, impl IntoIterator<Item = u32>, bool),
    ) -> Result<Self, mafo::ListenError> {
        let ours = |id| Ours {
            id,
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
        let connections: Vec<Ours> = ids.into_iter().map(ours).collect();
        let at: SocketAddr = (plan.ours, plan.listen_port).into();
        let listener = core.listen(at, connections.len() + 1, options)?;
        Ok(Self {
            connections,
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
        if let Some(n) = self.place(id) {
            self.connections[n].socket = Some(socket);
        }
        Ok(())
    }

    /// Accepts, sends, receives. Whether there was anything to be done: of some connections, the others have their turn next.
    pub(crate) fn poll(&mut self, now: Nanos, core: &mut Core) -> bool {
        let mut has_moved = false;
        while let Some(socket) = core.accept(self.listener) {
            has_moved = true;
            if let Some(n) = core.tuple(socket).and_then(|tuple| self.place_of(&tuple)) {
                self.connections[n].socket = Some(socket);
            }
        }
        // Every connection is looked at in its turn: events are not needed to know whom to ask.
        while core.poll_event().is_some() {}
        // A share of them a turn: between two looks at the adapters no more frames may come than a
        // cable's queue holds.
        for _ in 0..self.connections.len().min(PER_TURN) {
            self.next = (self.next + 1) % self.connections.len();
            has_moved |= self.send(core, self.next);
            has_moved |= self.receive(now, core, self.next);
        }
        has_moved
    }

    /// Calls of [`Application::poll`] in which each connection has its turn.
    pub(crate) fn rounds(&self) -> usize {
        self.connections.len().div_ceil(PER_TURN)
    }

    /// Where connection `id` is among these.
    fn place(&self, id: u32) -> Option<usize> {
        self.connections.binary_search_by_key(&id, |ours| ours.id).ok()
    }

    fn place_of(&self, tuple: &FourTuple) -> Option<usize> {
        let (SocketAddr::V4(ours), SocketAddr::V4(peer)) = (tuple.local, tuple.remote) else {
            return None;
        };
        let (id, _) = self.plan.identify(Endpoints { peer, ours })?;
        self.place(id)
    }

    /// Whether any byte went.
    fn send(&mut self, core: &mut Core, n: usize) -> bool {
        let ours = &mut self.connections[n];
        let may_send = self.sends && !ours.shut && !self.paused.contains(&ours.id);
        let Some(socket) = ours.socket.filter(|_| may_send) else { return false };
        let room = core.send_room(socket).min(CHUNK);
        if room < CHUNK / 4 {
            return false;
        }
        let chunk = &mut self.chunk[..room];
        ours.out.fill(ours.sent, chunk);
        match core.send(socket, chunk) {
            Ok(bytes) => {
                ours.sent += bytes as u64;
                return bytes > 0;
            }
            Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
            Err(error) => ours.error = Some(error),
        }
        false
    }

    /// Whether any byte came.
    fn receive(&mut self, now: Nanos, core: &mut Core, n: usize) -> bool {
        let ours = &mut self.connections[n];
        let Some(socket) = ours.socket.filter(|_| !ours.closed) else { return false };
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
                return true;
            }
            Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
            Err(error) => {
                if let SocketError::Connection(ConnectionError::Aborted) = error {
                    ours.closed = true;
                }
                ours.error = Some(error);
            }
        }
        false
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
    pub(crate) fn pause(&mut self, connections: Range<u32>) {
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
    pub(crate) fn of(&self, socket: SocketId) -> Option<u32> {
        self.connections.iter().find(|ours| ours.socket == Some(socket)).map(|ours| ours.id)
    }
}
