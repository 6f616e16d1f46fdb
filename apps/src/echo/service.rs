//! The service: what a caller sends goes back to it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use mafo::{
    Core, Event, ListenError, ListenerId, Nanos, Options, PathChoice, SocketError, SocketId,
};

/// Connections served in one turn, so that the adapters are looked at in between.
const PER_TURN: usize = 32;
/// Times that a connection takes and gives in one turn.
const CHUNKS_PER_TURN: usize = 4;
/// Bytes taken and given at a time.
const CHUNK: usize = 16 * 1024;
const OFFLOAD: Options = Options::on(PathChoice::Offload).with_nagle(false);

/// Whether a caller is in the queue of those that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is.
    Queued,
    /// An event puts it there.
    Waiting,
}

/// How a turn of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// There may be more to do at once.
    More,
    /// An event will tell.
    Wait,
    /// The caller has ended its stream, and everything was given back.
    Finished,
    /// The connection ended before its time.
    Failed,
}

/// What was served so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) connections: u64,
    pub(super) failed: u64,
    pub(super) bytes: u64,
}

/// The service on one port.
///
/// It keeps no bytes: it takes no more from a socket than the same socket has room to send. So a caller
/// that does not read its echo is soon not read either.
pub(super) struct Service {
    listener: ListenerId,
    callers: BTreeMap<SocketId, Place>,
    queue: VecDeque<SocketId>,
    chunk: Vec<u8>,
    served: Served,
}

impl Service {
    /// Listens at `at`; `backlog` callers may wait to be accepted.
    pub(super) fn new(
        core: &mut Core,
        at: SocketAddr,
        backlog: usize,
    ) -> Result<Self, ListenError> {
        Ok(Self {
            listener: core.listen(at, backlog, OFFLOAD)?,
            callers: BTreeMap::new(),
            queue: VecDeque::new(),
            chunk: vec![0; CHUNK],
            served: Served::default(),
        })
    }

    /// Accepts, takes, gives back.
    pub(super) fn poll(&mut self, now: Nanos, core: &mut Core) {
        while let Some(event) = core.poll_event() {
            match event {
                Event::Incoming(listener) => self.accept(core, listener),
                Event::Socket(id, _) | Event::Arrived(id, _) => self.enqueue(id),
            }
        }
        for _ in 0..self.queue.len().min(PER_TURN) {
            let Some(id) = self.queue.pop_front() else { break };
            match self.turn(core, id) {
                Turn::More => self.queue.push_back(id),
                Turn::Wait => {
                    self.callers.insert(id, Place::Waiting);
                }
                over @ (Turn::Finished | Turn::Failed) => {
                    self.callers.remove(&id);
                    self.served.failed += u64::from(over == Turn::Failed);
                    core.close(now, id);
                }
            }
        }
    }

    /// Whether somebody can be served at once.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Callers at present.
    pub(super) fn callers(&self) -> usize {
        self.callers.len()
    }

    /// What was served so far.
    pub(super) fn served(&self) -> Served {
        self.served
    }

    /// Ends all connections by a reset: nobody will be there to end them in order.
    pub(super) fn abandon(&mut self, now: Nanos, core: &mut Core) {
        core.close_listener(now, self.listener);
        for (id, _) in std::mem::take(&mut self.callers) {
            core.abort(now, id);
        }
        self.queue.clear();
    }

    fn accept(&mut self, core: &mut Core, listener: ListenerId) {
        while let Some(id) = core.accept(listener) {
            self.served.connections += 1;
            self.callers.insert(id, Place::Queued);
            self.queue.push_back(id);
        }
    }

    fn enqueue(&mut self, id: SocketId) {
        if let Some(place @ Place::Waiting) = self.callers.get_mut(&id) {
            *place = Place::Queued;
            self.queue.push_back(id);
        }
    }

    fn turn(&mut self, core: &mut Core, id: SocketId) -> Turn {
        for _ in 0..CHUNKS_PER_TURN {
            let room = core.send_room(id).min(CHUNK);
            if room == 0 {
                // What is over with bytes unsent did not end in order.
                return if core.is_over(id) { Turn::Failed } else { Turn::Wait };
            }
            match core.recv(id, &mut self.chunk[..room]) {
                Ok(0) => return Turn::Finished,
                Ok(len) => match core.send(id, &self.chunk[..len]) {
                    Ok(sent) => {
                        debug_assert_eq!(sent, len, "{id:?} had room for {room}");
                        self.served.bytes += sent as u64;
                    }
                    Err(_) => return Turn::Failed,
                },
                Err(SocketError::WouldBlock) => return Turn::Wait,
                Err(_) => return Turn::Failed,
            }
        }
        Turn::More
    }
}
