//! One TCP connection of the peer process: its socket, its two streams, what has come of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::clock::Monotonic;
use super::gaps::GapLog;
use super::plan::End;
use super::protocol::{ConnectionReport, Phase, Queues, Sending, Stall};
use crate::stream::Stream;
use crate::sys;

/// `tcpi_state` of a socket that is done: closed, or left to TIME_WAIT.
const TCP_CLOSE: u8 = 7;

/// Most bytes that one turn of a connection receives or sends.
const READ_LEN: usize = 64 << 10;
const WRITE_LEN: usize = 32 << 10;

/// Buffers that all connections use in turn.
#[derive(Debug)]
pub(super) struct Scratch {
    input: Box<[u8]>,
    output: Box<[u8]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            input: vec![0; READ_LEN].into_boxed_slice(),
            output: vec![0; WRITE_LEN].into_boxed_slice(),
        }
    }
}

/// What the sending half does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Sends nothing; FIN comes with the command to close.
    Silent,
    /// Sends for as long as it may.
    Streaming { least: u64 },
    /// Would send, but is told to pause.
    Paused { least: u64 },
    /// Sends up to its least length, then FIN.
    Finishing { least: u64 },
    /// FIN is sent.
    Finished,
}

impl Output {
    /// What it does at the beginning.
    pub(crate) fn new(sending: Sending) -> Self {
        match sending {
            Sending::Nothing => Self::Silent,
            Sending::AtLeast(least) => Self::Streaming { least },
        }
    }

    /// Stops sending, if it sends.
    pub(crate) fn pause(&mut self) {
        if let Self::Streaming { least } = *self {
            *self = Self::Paused { least };
        }
    }

    /// Goes on sending, if it was told to pause.
    pub(crate) fn resume(&mut self) {
        if let Self::Paused { least } = *self {
            *self = Self::Streaming { least };
        }
    }

    /// Ends the stream as soon as it has its least length.
    pub(crate) fn close(&mut self) {
        *self = match *self {
            Self::Silent => Self::Finishing { least: 0 },
            Self::Streaming { least } | Self::Paused { least } => Self::Finishing { least },
            finishing => finishing,
        };
    }

    /// How many bytes may follow the first `sent` ones; 0: a FIN follows; `None`: nothing at present.
    pub(crate) fn allows(self, sent: u64) -> Option<u64> {
        match self {
            Self::Streaming { .. } => Some(u64::MAX),
            Self::Finishing { least } => Some(least.saturating_sub(sent)),
            Self::Silent | Self::Paused { .. } | Self::Finished => None,
        }
    }
}

/// A connection, from the command that begins it; it stays for the reports when it has ended.
#[derive(Debug)]
pub(super) struct Connection {
    id: u32,
    /// Who opens it.
    pub(super) opener: End,
    phase: Phase,
    socket: Option<TcpStream>,
    outgoing: Stream,
    incoming: Stream,
    output: Output,
    end_of_stream: bool,
    sent: u64,
    received: u64,
    corrupt: u64,
    gaps: GapLog,
}

impl Connection {
    /// A connection without a socket, at the end `end`.
    pub(super) fn new(id: u32, opener: End, end: End, seed: u64, sending: Sending) -> Self {
        Self {
            id,
            opener,
            phase: if opener == end { Phase::Queued } else { Phase::Expected },
            socket: None,
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

    /// Where it is.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Its socket, while it has one.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        self.socket.as_ref()
    }

    /// Takes over a socket that is about to connect.
    pub(super) fn connecting(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
        self.phase = Phase::Connecting;
    }

    /// Takes over a socket that has been accepted.
    pub(super) fn accepted(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
        self.phase = Phase::Established;
    }

    /// Ends with an error; the socket is closed.
    pub(super) fn fail(&mut self) {
        self.phase = Phase::Failed;
        self.socket = None;
    }

    /// What to wait for, in epoll's words.
    pub(super) fn interest(&self) -> u32 {
        let readable = if self.end_of_stream { 0 } else { libc::EPOLLIN };
        let writable = match self.output {
            Output::Streaming { .. } | Output::Finishing { .. } => libc::EPOLLOUT,
            Output::Silent | Output::Paused { .. } | Output::Finished => 0,
        };
        let interest = match self.phase {
            Phase::Connecting => libc::EPOLLOUT,
            Phase::Established => readable | writable,
            _ => 0,
        };
        interest as u32
    }

    /// Stops sending, if it sends.
    pub(super) fn pause(&mut self) {
        self.output.pause();
    }

    /// Goes on sending, if it was told to pause.
    pub(super) fn resume(&mut self) {
        self.output.resume();
    }

    /// Ends its stream as soon as it has its least length.
    pub(super) fn close(&mut self) {
        self.output.close();
    }

    /// Has its closing drop the connection by RST.
    pub(super) fn reset(&mut self) -> io::Result<()> {
        self.socket.as_ref().map_or(Ok(()), sys::reset_on_close)
    }

    /// One turn: at most one receive and one send, as far as `events` promise. An error ends the
    /// connection.
    pub(super) fn turn(
        &mut self,
        events: u32,
        now: Monotonic,
        scratch: &mut Scratch,
    ) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let any = |bits: libc::c_int| events & bits as u32 != 0;
        if any(libc::EPOLLERR)
            && let Some(error) = socket.take_error()?
        {
            return Err(error);
        }
        if self.phase == Phase::Connecting {
            self.phase = Phase::Established;
            return Ok(());
        }
        if any(libc::EPOLLIN | libc::EPOLLHUP) && !self.end_of_stream {
            self.receive(now, &mut scratch.input)?;
        }
        if any(libc::EPOLLOUT | libc::EPOLLHUP) {
            self.send(&mut scratch.output)?;
        }
        if self.end_of_stream && self.output == Output::Finished {
            self.phase = Phase::Closing;
        }
        Ok(())
    }

    /// Takes payload and compares it.
    fn receive(&mut self, now: Monotonic, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut socket) = self.socket.as_ref() else { return Ok(()) };
        match unless_blocked(socket.read(buffer))? {
            Some(0) => self.end_of_stream = true,
            Some(len) => {
                self.gaps.arrival(now);
                self.corrupt += self.incoming.mismatches(self.received, &buffer[..len]);
                self.received += len as u64;
            }
            None => {}
        }
        Ok(())
    }

    /// Sends the next of its stream, and FIN after its last byte.
    fn send(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut socket) = self.socket.as_ref() else { return Ok(()) };
        let Some(room) = self.output.allows(self.sent) else { return Ok(()) };
        let len = room.min(buffer.len() as u64) as usize;
        if len == 0 {
            socket.shutdown(Shutdown::Write)?;
            self.output = Output::Finished;
            return Ok(());
        }
        self.outgoing.fill(self.sent, &mut buffer[..len]);
        if let Some(len) = unless_blocked(socket.write(&buffer[..len]))? {
            self.sent += len as u64;
        }
        Ok(())
    }

    /// In phase `Closing`: has the socket seen the last acknowledgement? Then it is `Closed`.
    pub(super) fn check_closed(&mut self) -> io::Result<bool> {
        let Some(socket) = &self.socket else { return Ok(false) };
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        let (state, _) = sys::tcp_state(socket)?;
        if state == TCP_CLOSE {
            self.phase = Phase::Closed;
            self.socket = None;
        }
        Ok(state == TCP_CLOSE)
    }

    /// What a report says of it.
    pub(super) fn report(&self, queues: bool) -> ConnectionReport {
        let queues = if queues { self.queues() } else { None };
        ConnectionReport {
            id: self.id,
            phase: self.phase,
            sent: self.sent,
            received: self.received,
            corrupt: self.corrupt,
            end_of_stream: self.end_of_stream,
            queues,
        }
    }

    /// What its socket says, while it is open.
    fn queues(&self) -> Option<Queues> {
        let socket = self.socket.as_ref()?;
        let (state, retransmitted) = sys::tcp_state(socket).ok()?;
        Some(Queues {
            unacknowledged: sys::unacknowledged(socket).ok()?,
            unsent: sys::unsent(socket).ok()?,
            retransmitted,
            state,
        })
    }

    /// Marks an instant for [`Connection::stall`].
    pub(super) fn mark(&mut self, at: Monotonic, now: Monotonic) {
        self.gaps.mark(at, now);
    }

    /// What it saw around the marked instant.
    pub(super) fn stall(&self, now: Monotonic) -> Stall {
        let (spanning, longest) = self.gaps.stall(now);
        Stall { id: self.id, spanning, longest }
    }
}

/// The result of a non-blocking call, `None` if it would have had to wait.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
