//! One connection of the smoltcp peer: its two streams, what has come of them.

use std::collections::VecDeque;
use std::io;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State};

use crate::peer::connection::Output;
use crate::peer::gaps::GapLog;
use crate::peer::{ConnectionReport, End, Event, Monotonic, Phase, Queues, Sending, Stall};
use crate::stream::Stream;

/// A connection, from the command that begins it; it stays for the reports when it has ended.
#[derive(Debug)]
pub(super) struct Connection {
    id: u32,
    /// Who opens it.
    pub(super) opener: End,
    pub(super) phase: Phase,
    /// Its socket, while it has one.
    pub(super) handle: Option<SocketHandle>,
    outgoing: Stream,
    incoming: Stream,
    pub(super) output: Output,
    end_of_stream: bool,
    sent: u64,
    received: u64,
    corrupt: u64,
    pub(super) gaps: GapLog,
}

impl Connection {
    /// A connection without a socket, at the end `end`.
    pub(super) fn new(id: u32, opener: End, end: End, seed: u64, sending: Sending) -> Self {
        Self {
            id,
            opener,
            phase: if opener == end { Phase::Queued } else { Phase::Expected },
            handle: None,
            outgoing: Stream::new(seed, id, end.sends()),
            incoming: Stream::new(seed, id, end.other().sends()),
            output: Output::new(sending),
            end_of_stream: false,
            sent: 0,
            received: 0,
            corrupt: 0,
            gaps: GapLog::default(),
        }
    }

    /// Takes over the socket that is about to connect.
    pub(super) fn connecting(&mut self, handle: SocketHandle) {
        self.handle = Some(handle);
        self.phase = Phase::Connecting;
    }

    /// Takes over the socket that was opened.
    pub(super) fn accepted(&mut self, handle: SocketHandle, out: &mut VecDeque<Event>) {
        self.handle = Some(handle);
        self.established(out);
    }

    fn established(&mut self, out: &mut VecDeque<Event>) {
        self.phase = Phase::Established;
        out.push_back(Event::Established { id: self.id });
    }

    /// Whether nothing will happen to it any more.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::Failed)
    }

    /// Ends by an error, and says so.
    pub(super) fn fail(&mut self, errno: i32, out: &mut VecDeque<Event>) {
        let error = io::Error::from_raw_os_error(errno);
        out.push_back(Event::Failed { id: self.id, phase: self.phase, error });
        self.phase = Phase::Failed;
    }

    /// An RST arrived; has it closed the socket?
    pub(super) fn on_reset(&mut self, socket: &Socket<'_>, out: &mut VecDeque<Event>) {
        if socket.state() == State::Closed && !self.has_ended() {
            let refused = self.phase == Phase::Connecting;
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
        if self.phase == Phase::Connecting {
            if matches!(socket.state(), State::SynSent | State::SynReceived) {
                return;
            }
            self.established(out);
        }
        if self.phase == Phase::Established {
            self.receive(socket, now);
            self.send(socket);
            if self.end_of_stream && self.output == Output::Finished {
                self.phase = Phase::Closing;
            }
        }
        // CLOSED without a reset is what LAST-ACK becomes with the last ACK.
        if self.phase == Phase::Closing && matches!(socket.state(), State::TimeWait | State::Closed)
        {
            self.phase = Phase::Closed;
            out.push_back(Event::Closed {
                id: self.id,
                sent: self.sent,
                received: self.received,
                corrupt: self.corrupt,
            });
        }
    }

    /// Takes payload and compares it.
    fn receive(&mut self, socket: &mut Socket<'_>, now: Monotonic) {
        loop {
            let (offset, incoming) = (self.received, self.incoming);
            let taken = socket
                .recv(|bytes| (bytes.len(), (bytes.len(), incoming.mismatches(offset, bytes))));
            match taken {
                Ok((0, _)) | Err(RecvError::InvalidState) => return,
                Ok((len, wrong)) => {
                    self.gaps.arrival(now);
                    self.corrupt += wrong;
                    self.received += len as u64;
                }
                Err(RecvError::Finished) => {
                    self.end_of_stream = true;
                    return;
                }
            }
        }
    }

    /// Sends the next of its stream, and FIN after its last byte.
    fn send(&mut self, socket: &mut Socket<'_>) {
        while socket.may_send()
            && let Some(room) = self.output.allows(self.sent)
        {
            if room == 0 {
                socket.close();
                self.output = Output::Finished;
                return;
            }
            let (offset, outgoing) = (self.sent, self.outgoing);
            let given = socket.send(|buffer| {
                let len = room.min(buffer.len() as u64) as usize;
                outgoing.fill(offset, &mut buffer[..len]);
                (len, len)
            });
            match given {
                Ok(len) if len > 0 => self.sent += len as u64,
                _ => return,
            }
        }
    }

    /// What a report says of it.
    pub(super) fn report(&self, socket: Option<&Socket<'_>>) -> ConnectionReport {
        ConnectionReport {
            id: self.id,
            phase: self.phase,
            sent: self.sent,
            received: self.received,
            corrupt: self.corrupt,
            end_of_stream: self.end_of_stream,
            queues: socket.map(queues),
        }
    }

    /// What it saw around the marked instant.
    pub(super) fn stall(&self, now: Monotonic) -> Stall {
        let (spanning, longest) = self.gaps.stall(now);
        Stall { id: self.id, spanning, longest }
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
