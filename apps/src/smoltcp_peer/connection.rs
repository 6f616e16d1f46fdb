//! One connection of the smoltcp peer: its two streams, what has come of them.

use std::collections::VecDeque;
use std::io;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State};

use crate::peer::progress::{Output, Progress};
use crate::peer::{ConnectionReport, End, Event, Monotonic, Phase, Queues, Sending};

/// A connection, from the command that begins it; it stays for the reports when it has ended.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) progress: Progress,
    /// Its socket, while it has one.
    pub(super) handle: Option<SocketHandle>,
}

impl Connection {
    /// A connection without a socket, at the end `end`.
    pub(super) fn new(id: u32, opener: End, end: End, seed: u64, sending: Sending) -> Self {
        Self { progress: Progress::new(id, opener, end, seed, sending), handle: None }
    }

    /// Takes over the socket that is about to connect.
    pub(super) fn connecting(&mut self, handle: SocketHandle) {
        self.handle = Some(handle);
        self.progress.phase = Phase::Connecting;
    }

    /// Takes over the socket that was opened.
    pub(super) fn accepted(&mut self, handle: SocketHandle, out: &mut VecDeque<Event>) {
        self.handle = Some(handle);
        self.established(out);
    }

    fn established(&mut self, out: &mut VecDeque<Event>) {
        self.progress.phase = Phase::Established;
        out.push_back(Event::Established { id: self.progress.id });
    }

    /// Whether nothing will happen to it any more.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.progress.phase, Phase::Closed | Phase::Failed)
    }

    /// Ends by an error, and says so.
    pub(super) fn fail(&mut self, errno: i32, out: &mut VecDeque<Event>) {
        let error = io::Error::from_raw_os_error(errno);
        out.push_back(Event::Failed { id: self.progress.id, phase: self.progress.phase, error });
        self.progress.phase = Phase::Failed;
    }

    /// An RST arrived; has it closed the socket?
    pub(super) fn on_reset(&mut self, socket: &Socket<'_>, out: &mut VecDeque<Event>) {
        if socket.state() == State::Closed && !self.has_ended() {
            let refused = self.progress.phase == Phase::Connecting;
            self.fail(if refused { libc::ECONNREFUSED } else { libc::ECONNRESET }, out);
        }
    }

    /// Timers have run; has one closed the socket?
    pub(super) fn on_timers(&mut self, socket: &Socket<'_>, out: &mut VecDeque<Event>) {
        if socket.state() == State::Closed && !self.has_ended() {
            self.fail(libc::ETIMEDOUT, out);
        }
    }

    /// One turn: takes and gives what the socket has and has room for. Resets have been seen before.
    pub(super) fn turn(
        &mut self,
        socket: &mut Socket<'_>,
        now: Monotonic,
        out: &mut VecDeque<Event>,
    ) {
        if self.progress.phase == Phase::Connecting {
            if matches!(socket.state(), State::SynSent | State::SynReceived) {
                return;
            }
            self.established(out);
        }
        if self.progress.phase == Phase::Established {
            self.receive(socket, now);
            self.send(socket);
            self.progress.close_when_done();
        }
        // CLOSED without a reset is what LAST-ACK becomes with the last ACK.
        if self.progress.phase == Phase::Closing
            && matches!(socket.state(), State::TimeWait | State::Closed)
        {
            self.progress.phase = Phase::Closed;
            out.push_back(Event::Closed {
                id: self.progress.id,
                sent: self.progress.sent,
                received: self.progress.received,
                corrupt: self.progress.corrupt,
            });
        }
    }

    /// Takes payload and compares it.
    fn receive(&mut self, socket: &mut Socket<'_>, now: Monotonic) {
        loop {
            let taken = socket.recv(|bytes| {
                if !bytes.is_empty() {
                    self.progress.arrived(now, bytes);
                }
                (bytes.len(), bytes.len())
            });
            match taken {
                Ok(0) | Err(RecvError::InvalidState) => return,
                Ok(_) => {}
                Err(RecvError::Finished) => {
                    self.progress.end_of_stream = true;
                    return;
                }
            }
        }
    }

    /// Sends the next of its stream, and FIN after its last byte.
    fn send(&mut self, socket: &mut Socket<'_>) {
        while socket.may_send()
            && let Some(room) = self.progress.output.allows(self.progress.sent)
        {
            if room == 0 {
                socket.close();
                self.progress.output = Output::Finished;
                return;
            }
            let (offset, outgoing) = (self.progress.sent, self.progress.outgoing);
            let given = socket.send(|buffer| {
                let len = room.min(buffer.len() as u64) as usize;
                outgoing.fill(offset, &mut buffer[..len]);
                (len, len)
            });
            match given {
                Ok(len) if len > 0 => self.progress.sent += len as u64,
                _ => return,
            }
        }
    }

    /// What a report says of it.
    pub(super) fn report(&self, socket: Option<&Socket<'_>>) -> ConnectionReport {
        self.progress.report(socket.map(queues))
    }
}

/// What smoltcp tells of a socket; it does not tell what of its queue is unsent, nor count
/// retransmissions, and both are given as 0.
fn queues(socket: &Socket<'_>) -> Queues {
    Queues {
        unacknowledged: u32::try_from(socket.send_queue()).unwrap_or(u32::MAX),
        unsent: 0,
        retransmitted: 0,
        state: linux_state(socket.state()),
    }
}

/// A state by Linux's number (include/net/tcp_states.h).
fn linux_state(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}
