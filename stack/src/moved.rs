//! Connections that go on with another lcore of their host, since their application wants them there.
//!
//! ```text
//!             to another lcore              to a third one
//!   owner  ───── connection ─────►  X  ───── connection ─────►  owner  ───── connection ─────►  Y
//!   (RSS)  ─────── frames ───────►  X  ─── frames, too late ──►  owner  ─────── frames ───────►  Y
//!   owner  ◄─── over, remains ────  X
//! ```
//!
//! What the peer sends comes to the connection's *owner*, the lcore that RSS picks, for as long as it lives: it passes it on to
//! where the connection is. Each move goes by way of the owner, so that it alone says where that is. Letters are taken before
//! the frames that were sent behind them, so a connection is there before its frames; what comes too late for it goes back to
//! the owner. When the connection is over its tuple is the owner's again, with what TIME_WAIT needs.
//!
//! What is sent goes out by whichever lcore the connection is with; timers go on where they were: all lcores of a host have
//! one clock.

use std::collections::VecDeque;

use mafo_mem::{KeyedHasher, Nanos};
use mafo_pmd::eal::dma::DmaBuf;
use mafo_tcp::State;

use crate::PathChoice;
use crate::core::Core;
use crate::error::MoveError;
use crate::shard::Shard;
use crate::slab::SocketId;
use crate::socket::{Holder, Path, Readiness, Socket};
use crate::time_wait::Remains;
use crate::tuple::{FourTuple, TupleMap};

/// What one lcore has to tell another.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A connection, on its way by its owner, or from there.
    Connection(Box<Moving>),
    /// A connection of the reader's is over, and this is left of it.
    Remains(Box<(FourTuple, Remains, Rest)>),
    /// A connection of the reader's is over.
    Over(Box<FourTuple>),
    /// A send buffer of the reader's arena, whose connection has got another.
    Memory(DmaBuf),
}

/// How a connection rests that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// In TIME_WAIT.
    TimeWait,
    /// The peer closed first.
    Lingering,
}

/// A connection on its way.
#[derive(Debug)]
pub(crate) struct Moving {
    socket: Socket,
    /// From which lcore, whose memory it has written its bytes to, and to which.
    from: usize,
    to: usize,
    /// How late it was there: lcores look at the clock each for itself.
    left_at: Nanos,
    /// What its application says of it to the one there.
    token: u64,
}

/// What an lcore has to do with connections that move.
#[derive(Debug)]
pub(crate) struct Moved {
    /// With which lcore connections are that belong to this one.
    away: TupleMap<usize>,
    /// Letters for which there has been no room, each with its reader.
    outbox: VecDeque<(usize, Letter)>,
    /// Connections that are here and have no place yet.
    homeless: VecDeque<Box<Moving>>,
    /// Those that the application has not heard of.
    arrived: VecDeque<(SocketId, u64)>,
}

impl Moved {
    pub(crate) fn new(hasher: KeyedHasher) -> Self {
        Self {
            away: TupleMap::with_hasher(hasher),
            outbox: VecDeque::new(),
            homeless: VecDeque::new(),
            arrived: VecDeque::new(),
        }
    }

    /// The lcore that a connection of this one's is with, if not with this one.
    #[inline]
    pub(crate) fn lcore_of(&self, tuple: &FourTuple) -> Option<usize> {
        if self.away.is_empty() { None } else { self.away.get(tuple).copied() }
    }

    /// Whether letters are to be tried again.
    pub(crate) fn has_letters(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether a connection waits for a place.
    pub(crate) fn has_homeless(&self) -> bool {
        !self.homeless.is_empty()
    }

    /// The next connection that has come from another lcore, and what was said of it there.
    pub(crate) fn next_arrived(&mut self) -> Option<(SocketId, u64)> {
        self.arrived.pop_front()
    }
}

impl Core {
    /// Gives an open connection of the host path ([`PathChoice::Host`]) to lcore `lcore` of this host, 0 to
    /// [`crate::Shard::lcores`] less one, whose application hears of it by [`crate::Event::Arrived`] with `token`.
    /// From now on `id` names nothing here, and no event of it comes any more. Bytes and FINs that were not sent yet, and bytes
    /// that were not read, go with the connection; the peer notices nothing. All lcores of a host have
    /// the same settings; who listens there does not matter.
    ///
    /// Where the other lcore's table of sockets is full the connection waits, silent, until there is a place
    /// (`moves_waiting` of [`crate::Counters`]): to its peer that is a host that does not answer.
    ///
    /// # Errors
    ///
    /// [`MoveError`] says why the connection stays. Nothing has changed then.
    pub fn move_to_lcore(
        &mut self,
        id: SocketId,
        lcore: usize,
        token: u64,
    ) -> Result<(), MoveError> {
        let tuple = self.may_move(id, lcore)?;
        self.watches.disarm(id.place());
        self.timers.disarm(id.place());
        if let Some(Path::Host(host)) = self.sockets.get_mut(id).map(|socket| &mut socket.path) {
            host.uproot();
        }
        self.by_tuple.remove(&tuple, id);
        if let Some(socket) = self.sockets.remove(id) {
            self.counters.moved_out += 1;
            let from = self.shard.as_ref().map_or(0, Shard::lcore);
            let moving = Moving { socket, from, to: lcore, left_at: self.now, token };
            self.send_on(tuple, Box::new(moving));
        }
        self.send_letters();
        Ok(())
    }

    /// The connection's ends, if it may go there.
    fn may_move(&self, id: SocketId, lcore: usize) -> Result<FourTuple, MoveError> {
        let socket = self.sockets.get(id).ok_or(MoveError::NoSuchSocket)?;
        let (here, lcores) = self.shard.as_ref().map_or((0, 1), |s| (s.lcore(), s.lcores()));
        if lcore >= lcores || lcore == here {
            return Err(MoveError::NoOtherLcore { lcore, lcores });
        }
        let tuple = socket.ends.tuple();
        if self.is_own(tuple.remote.ip()) {
            return Err(MoveError::WithItself);
        }
        let state = match &socket.path {
            Path::Host(host) if socket.options.path == PathChoice::Host => host.conn.state(),
            Path::Host(_) | Path::Offload(_) => return Err(MoveError::Offloaded),
            Path::Resolving | Path::Ended => return Err(MoveError::NotOpen),
        };
        let is_opening = matches!(state, State::SynSent | State::SynRcvd);
        if is_opening || state == State::Closed || socket.holder != Holder::Application {
            return Err(MoveError::NotOpen);
        }
        if socket.tx.lent_pieces() > 0 {
            return Err(MoveError::Lent);
        }
        Ok(tuple)
    }

    /// Sends a connection where it is to go, by way of its owner.
    fn send_on(&mut self, tuple: FourTuple, moving: Box<Moving>) {
        let to = match self.elsewhere(&tuple) {
            Some(owner) => owner,
            None => {
                self.moved.away.insert(tuple, moving.to);
                moving.to
            }
        };
        self.moved.outbox.push_back((to, Letter::Connection(moving)));
    }

    /// Sends what there is room for, to each lcore in order.
    pub(crate) fn send_letters(&mut self) {
        let Some(shard) = &mut self.shard else { return };
        let mut full = 0_u128;
        for _ in 0..self.moved.outbox.len() {
            let Some((to, letter)) = self.moved.outbox.pop_front() else { break };
            let unsent = if full >> to & 1 == 0 { shard.send(to, letter) } else { Err(letter) };
            if let Err(letter) = unsent {
                full |= 1 << to;
                self.moved.outbox.push_back((to, letter));
            }
        }
    }

    /// Takes a letter of lcore `from`.
    pub(crate) fn take_letter(&mut self, now: Nanos, from: usize, letter: Letter) {
        match letter {
            Letter::Connection(moving) => {
                let is_here = self.shard.as_ref().is_some_and(|s| s.lcore() == moving.to);
                if is_here {
                    self.advance(moving.left_at);
                    self.moved.homeless.push_back(moving);
                } else {
                    self.send_on(moving.socket.ends.tuple(), moving);
                }
            }
            Letter::Remains(left) => {
                let (tuple, remains, rest) = *left;
                self.leave(now, tuple, remains, rest);
            }
            Letter::Over(tuple) => {
                // One that a wire brought to the wrong lcore was never away.
                if self.moved.lcore_of(&tuple) == Some(from) {
                    self.moved.away.remove(&tuple);
                }
            }
            Letter::Memory(memory) => self.send_buffers.push(memory),
        }
    }

    /// Gives connections that have come a place, as far as there is room.
    pub(crate) fn take_in(&mut self, now: Nanos) {
        while let Some(moving) = self.moved.homeless.pop_front() {
            let room = self.sockets.next_id().and_then(|_| self.send_buffer());
            let Some(memory) = room else {
                self.counters.moves_waiting += 1;
                self.moved.homeless.push_front(moving);
                break;
            };
            self.take_in_one(now, *moving, memory);
        }
    }

    fn take_in_one(&mut self, now: Nanos, moving: Moving, memory: DmaBuf) {
        let Moving { mut socket, from, token, .. } = moving;
        let tuple = socket.ends.tuple();
        match socket.tx.move_to(memory) {
            Ok(theirs) => self.moved.outbox.push_back((from, Letter::Memory(theirs))),
            Err(ours) => self.send_buffers.push(ours),
        }
        let mut news = core::mem::take(&mut socket.news) | Readiness::WRITABLE;
        if socket.rx.available() > 0 || socket.peer_closed {
            news |= Readiness::READABLE;
        }
        let Some(id) = self.sockets.insert(socket) else { return };
        if self.elsewhere(&tuple).is_none() {
            self.moved.away.remove(&tuple);
        }
        self.counters.moved_in += 1;
        self.by_tuple.insert(&self.sockets, id);
        self.moved.arrived.push_back((id, token));
        self.tell(id, news);
        self.apply_known_path_mtu(id);
        self.apply_timeouts(now, id);
        self.arm_watch(id);
        self.list(id);
    }

    /// A connection is over, and late segments of it are met by `remains`, on the lcore that they come to.
    pub(crate) fn leave(&mut self, now: Nanos, tuple: FourTuple, remains: Remains, rest: Rest) {
        if let Some(owner) = self.elsewhere(&tuple) {
            let left = Box::new((tuple, remains, rest));
            self.moved.outbox.push_back((owner, Letter::Remains(left)));
            return;
        }
        match rest {
            Rest::TimeWait => self.time_wait.insert(now, tuple, remains),
            Rest::Lingering => self.lingering.insert(now, tuple, remains),
        }
    }

    /// A connection is over: its tuple is its owner's.
    pub(crate) fn release_tuple(&mut self, tuple: &FourTuple) {
        if let Some(owner) = self.elsewhere(tuple) {
            self.moved.outbox.push_back((owner, Letter::Over(Box::new(*tuple))));
        }
    }
}
