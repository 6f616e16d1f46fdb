//! The application at each end of the link: the same for every stack.

use std::collections::VecDeque;

use mafo::Nanos;
use mafo::failover::Distribution;

use super::BenchError;
use super::Shape;
use super::options::Work;
use super::pattern::Place;
use super::tally::Times;

/// A stack whose connections are numbered from 0 alike at both ends. For all work but cps they are open from the beginning.
pub(super) trait Endpoint {
    /// Takes in what has arrived, runs timers.
    fn poll(&mut self, now: Nanos) -> Result<(), BenchError>;

    /// Sends what the application has written since the last poll.
    fn flush(&mut self, now: Nanos);

    /// Appends the connections on which the application may be able to go on.
    fn ready(&mut self, wants: Wants, ready: &mut Vec<usize>);

    /// Sends `len` bytes, written in place or to be copied, as this stack does it; `false`, and
    /// nothing done, when there is no room for all of them.
    fn send(&mut self, connection: usize, len: usize, write: impl FnMut(&mut [u8])) -> bool;

    /// Receives up to `max` bytes, in as many pieces as this stack likes; how many.
    fn recv(&mut self, connection: usize, max: usize, read: impl FnMut(&[u8])) -> usize;

    /// Asks for a new connection, at the client, where none of this number is left.
    fn connect(&mut self, now: Nanos, connection: usize) -> Result<(), BenchError>;

    /// Whether the connection's handshake is through.
    fn is_open(&self, connection: usize) -> bool;

    /// Sends a FIN behind what was written.
    fn shut(&mut self, connection: usize) -> Result<(), BenchError>;

    /// Whether the peer's FIN is here and everything before it has been read.
    fn has_ended(&mut self, connection: usize) -> bool;

    /// Whether both FINs have come and been acknowledged, at the end that sent the first.
    fn is_over(&self, connection: usize) -> bool;

    /// Lets go of a connection that is over, or, having answered the peer's FIN, will be.
    fn let_go(&mut self, now: Nanos, connection: usize);

    /// How the stack's bytes are copied.
    fn copies(&self) -> Copies;
}

/// Copies of payload, but for the link's own of whole frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies {
    /// How often a byte is copied from the sender's hand to the frame.
    pub(super) out: u64,
    /// How often it is from the frame, or what an adapter has made of it, to the reader's hand.
    pub(super) into: u64,
    /// Bytes that adapters have written to host memory beside these.
    pub(super) by_adapters: u64,
    /// Doorbells.
    pub(super) doorbells: u64,
}

/// What an application waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Anything that moves a connection on: that it is open, bytes, its end.
    News,
    /// Bytes.
    ToRead,
    /// Room for this many bytes.
    ToWrite(usize),
}

/// Which end an application is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Opens the connections. Asks (rpc, cps) or sends (bulk), and closes first.
    Client,
    /// Accepts them. Answers or receives, and closes when the client has.
    Server,
}

impl Role {
    /// Who is at the other end.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How far a connection has come, where connections come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none, or its handshake is under way.
    Opening,
    /// It is open, and a message is awaited.
    Open,
    /// The exchange is through; the other's close, or the acknowledgement of it, is awaited.
    Closing,
    /// It is over, and none follows.
    Over,
}

/// One connection, or one after the other, seen from one end.
#[derive(Debug)]
struct Connection {
    sent: Place,
    received: Place,
    /// Something was received that was not sent.
    wrong: bool,
    /// Bytes of the present message that have not come yet.
    missing: usize,
    phase: Phase,
    /// A request is outstanding.
    asked: bool,
    /// When the present exchange, or connection, was begun.
    began: Nanos,
    /// Behind which byte each send ends that has not arrived (bulk), and when it was made.
    sends: VecDeque<(u64, Nanos)>,
}

/// Connections that have requests outstanding in turn.
#[derive(Clone, Copy, Debug)]
struct Walk {
    /// The next one.
    next: usize,
    /// It is one of the first so many.
    len: usize,
    /// Requests outstanding.
    window: usize,
}

/// The application at one end.
#[derive(Debug)]
pub(super) struct Application {
    work: Work,
    role: Role,
    size: usize,
    /// It sends streams (bulk).
    sends: bool,
    /// It receives them.
    receives: bool,
    connections: Vec<Connection>,
    ready: Vec<usize>,
    walk: Option<Walk>,
    /// Whether new messages are begun.
    stopped: bool,
    /// Exchanges that are through (rpc, at the client), bytes received (bulk), or connections that are over
    /// (cps, at the client).
    done: u64,
    times: Times,
    /// A byte is to be changed that the sender has written.
    #[cfg(debug_assertions)]
    spoil: bool,
}

impl Application {
    /// At one end of the connections.
    pub(super) fn new(shape: &Shape, role: Role) -> Self {
        let Shape { work, size, connections, .. } = *shape;
        let connection = |n| Connection {
            sent: Place::first_of(2 * n + usize::from(role == Role::Server)),
            received: Place::first_of(2 * n + usize::from(role == Role::Client)),
            wrong: false,
            missing: size,
            phase: Phase::Opening,
            asked: false,
            began: Nanos::ZERO,
            sends: VecDeque::new(),
        };
        Self {
            work,
            role,
            size,
            sends: shape.streams_from(role),
            receives: shape.streams_from(role.other()),
            connections: (0..connections).map(connection).collect(),
            ready: Vec::with_capacity(connections),
            walk: None,
            stopped: false,
            done: 0,
            times: Times::default(),
            #[cfg(debug_assertions)]
            spoil: false,
        }
    }

    /// Changes a byte of the next message after it has been written.
    #[cfg(debug_assertions)]
    pub(super) fn spoil(&mut self) {
        self.spoil = true;
    }

    /// From now on `window` requests are outstanding, each on the next of the first `len` connections.
    pub(super) fn walk(&mut self, len: usize, window: usize) {
        debug_assert!(window <= len && len <= self.connections.len());
        self.walk = Some(Walk { next: 0, len, window });
    }

    /// The connection to go on with when an exchange is through on `n`.
    fn next(&mut self, n: usize) -> usize {
        let Some(walk) = &mut self.walk else { return n };
        loop {
            let next = walk.next;
            walk.next = (next + 1) % walk.len;
            if !self.connections[next].asked {
                return next;
            }
        }
    }

    /// Exchanges that are through, bytes received, or connections that are over.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Times since this was last asked for: from a request to the whole answer (rpc), from a send to the arrival of its
    /// last byte (bulk), from `connect` to the acknowledgement of both FINs (cps); known to a turn of both ends.
    pub(super) fn take_times(&mut self) -> Distribution {
        self.times.take()
    }

    /// Bytes that were sent and that were received.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let all = self.connections.iter();
        all.fold((0, 0), |(sent, received), connection| {
            (sent + connection.sent.bytes(), received + connection.received.bytes())
        })
    }

    /// Notes which sends have arrived at `receiver` by now.
    pub(super) fn note_arrivals(&mut self, now: Nanos, receiver: &Self) {
        for (here, there) in self.connections.iter_mut().zip(&receiver.connections) {
            while let Some(&(end, sent)) = here.sends.front()
                && end <= there.received.bytes()
            {
                here.sends.pop_front();
                self.times.note(now - sent);
            }
        }
    }

    /// Begins no new message, and no new connection.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// The first messages, or the first connections.
    pub(super) fn begin(
        &mut self,
        now: Nanos,
        endpoint: &mut impl Endpoint,
    ) -> Result<(), BenchError> {
        let first = self.walk.map_or(self.connections.len(), |walk| walk.window);
        for n in 0..first {
            match (self.work, self.role) {
                (Work::Cps, Role::Client) => self.connect(now, n, endpoint)?,
                (Work::Rpc, Role::Client) => self.send_on(now, n, endpoint),
                (Work::Bulk, _) if self.sends => self.send_on(now, n, endpoint),
                (_, Role::Server) | (Work::Bulk, Role::Client) => {}
            }
        }
        Ok(())
    }

    /// Goes on where it can.
    pub(super) fn turn(
        &mut self,
        now: Nanos,
        endpoint: &mut impl Endpoint,
    ) -> Result<(), BenchError> {
        let mut ready = core::mem::take(&mut self.ready);
        let wants = match self.work {
            Work::Bulk if self.sends && self.receives => Wants::News,
            Work::Bulk if self.sends => Wants::ToWrite(self.size),
            Work::Rpc | Work::Bulk => Wants::ToRead,
            Work::Cps => Wants::News,
        };
        endpoint.ready(wants, &mut ready);
        for n in ready.drain(..) {
            match self.work {
                Work::Cps => while self.step(now, n, endpoint)? {},
                Work::Rpc => self.converse(now, n, endpoint),
                Work::Bulk => {
                    if self.receives {
                        self.done += self.receive(n, usize::MAX, endpoint) as u64;
                    }
                    if self.sends {
                        self.send_on(now, n, endpoint);
                    }
                }
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn connect(
        &mut self,
        now: Nanos,
        n: usize,
        endpoint: &mut impl Endpoint,
    ) -> Result<(), BenchError> {
        self.connections[n].began = now;
        endpoint.connect(now, n)
    }

    /// A step in the life of connection `n`, if it can be taken.
    fn step(
        &mut self,
        now: Nanos,
        n: usize,
        endpoint: &mut impl Endpoint,
    ) -> Result<bool, BenchError> {
        let next = match (self.connections[n].phase, self.role) {
            (Phase::Opening, role) if endpoint.is_open(n) => {
                if role == Role::Client {
                    self.send_message(n, endpoint);
                }
                Phase::Open
            }
            (Phase::Open, role) if self.has_message(n, endpoint) => {
                match role {
                    Role::Client => endpoint.shut(n)?,
                    Role::Server => self.send_message(n, endpoint),
                }
                Phase::Closing
            }
            (Phase::Closing, Role::Client) if endpoint.is_over(n) => {
                endpoint.let_go(now, n);
                self.times.note(now - self.connections[n].began);
                self.done += 1;
                if self.stopped {
                    Phase::Over
                } else {
                    self.connect(now, n, endpoint)?;
                    Phase::Opening
                }
            }
            (Phase::Closing, Role::Server) if endpoint.has_ended(n) => {
                endpoint.shut(n)?;
                endpoint.let_go(now, n);
                Phase::Opening
            }
            _ => return Ok(false),
        };
        self.connections[n].phase = next;
        Ok(true)
    }

    /// Sends one message (rpc), or as many as there is room for (bulk).
    fn send_on(&mut self, now: Nanos, n: usize, endpoint: &mut impl Endpoint) {
        if self.stopped {
            return;
        }
        match self.work {
            Work::Rpc | Work::Cps => {
                self.connections[n].began = now;
                self.connections[n].asked = true;
                self.send_message(n, endpoint);
            }
            Work::Bulk => {
                while self.try_send(n, endpoint) {
                    let Connection { sent, sends, .. } = &mut self.connections[n];
                    sends.push_back((sent.bytes(), now));
                }
            }
        }
    }

    /// Takes what has come of the present message; whether it is whole.
    fn has_message(&mut self, n: usize, endpoint: &mut impl Endpoint) -> bool {
        let missing = self.connections[n].missing;
        let missing = missing - self.receive(n, missing, endpoint);
        self.connections[n].missing = if missing > 0 { missing } else { self.size };
        missing == 0
    }

    /// Takes what has come of the present message; when it is whole, answers it or asks anew.
    fn converse(&mut self, now: Nanos, n: usize, endpoint: &mut impl Endpoint) {
        if !self.has_message(n, endpoint) {
            return;
        }
        match self.role {
            Role::Server => self.send_message(n, endpoint),
            Role::Client => {
                self.done += 1;
                self.times.note(now - self.connections[n].began);
                self.connections[n].asked = false;
                let next = self.next(n);
                self.send_on(now, next, endpoint);
            }
        }
    }

    /// Sends a message for which there is room: the one before has been answered.
    fn send_message(&mut self, n: usize, endpoint: &mut impl Endpoint) {
        let sent = self.try_send(n, endpoint);
        assert!(sent, "connection {n} has no room for the one message that is outstanding");
    }

    fn try_send(&mut self, n: usize, endpoint: &mut impl Endpoint) -> bool {
        #[cfg(debug_assertions)]
        let spoil = &mut self.spoil;
        let sent = &mut self.connections[n].sent;
        endpoint.send(n, self.size, |out| {
            sent.write(out);
            #[cfg(debug_assertions)]
            if core::mem::take(spoil) {
                out[0] ^= 1;
            }
        })
    }

    fn receive(&mut self, n: usize, max: usize, endpoint: &mut impl Endpoint) -> usize {
        let Connection { received, wrong, .. } = &mut self.connections[n];
        endpoint.recv(n, max, |bytes| *wrong |= !received.read(bytes))
    }

    /// Whether nothing that `sender` wrote is still on its way to here, and none of its connections is still to end.
    pub(super) fn has_all_of(&self, sender: &Self) -> bool {
        let mut pairs = self.connections.iter().zip(&sender.connections);
        let ends = self.work == Work::Cps && sender.role == Role::Client;
        pairs.all(|(here, there)| {
            here.received.bytes() == there.sent.bytes() && (!ends || there.phase == Phase::Over)
        })
    }

    /// Connections on which something came that was not what was written at the other end.
    pub(super) fn wrong(&self) -> usize {
        self.connections.iter().filter(|connection| connection.wrong).count()
    }
}
