//! One TCP connection of the peer process: its socket, its two streams, what has come of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::clock::Monotonic;
use super::plan::End;
use super::progress::{Output, Progress};
use super::protocol::{ConnectionReport, Phase, Queues, Sending};
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

/// A connection, from the command that begins it; it stays for the reports when it has ended.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) progress: Progress,
    socket: Option<TcpStream>,
}

impl Connection {
    /// A connection without a socket, at the end `end`.
    pub(super) fn new(id: u32, opener: End, end: End, seed: u64, sending: Sending) -> Self {
        Self { progress: Progress::new(id, opener, end, seed, sending), socket: None }
    }

    /// Its socket, while it has one.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        self.socket.as_ref()
    }

    /// Takes over a socket that is about to connect.
    pub(super) fn connecting(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
        self.progress.phase = Phase::Connecting;
    }

    /// Takes over a socket that has been accepted.
    pub(super) fn accepted(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
        self.progress.phase = Phase::Established;
    }

    /// Ends with an error; the socket is closed.
    pub(super) fn fail(&mut self) {
        self.progress.phase = Phase::Failed;
        self.socket = None;
    }

    /// What to wait for, in epoll's words.
    pub(super) fn interest(&self) -> u32 {
        let readable = if self.progress.end_of_stream { 0 } else { libc::EPOLLIN };
        let writable = match self.progress.output {
            Output::Streaming { .. } | Output::Finishing { .. } => libc::EPOLLOUT,
            Output::Silent | Output::Paused { .. } | Output::Finished => 0,
        };
        let interest = match self.progress.phase {
            Phase::Connecting => libc::EPOLLOUT,
            Phase::Established => readable | writable,
            _ => 0,
        };
        interest as u32
    }

    /// Stops sending, if it sends.
    pub(super) fn pause(&mut self) {
        self.progress.output.pause();
    }

    /// Goes on sending, if it was told to pause.
    pub(super) fn resume(&mut self) {
        self.progress.output.resume();
    }

    /// Ends its stream as soon as it has its least length.
    pub(super) fn close(&mut self) {
        self.progress.output.close();
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
        if self.progress.phase == Phase::Connecting {
            self.progress.phase = Phase::Established;
            return Ok(());
        }
        if any(libc::EPOLLIN | libc::EPOLLHUP) && !self.progress.end_of_stream {
            self.receive(now, &mut scratch.input)?;
        }
        if any(libc::EPOLLOUT | libc::EPOLLHUP) {
            self.send(&mut scratch.output)?;
        }
        self.progress.close_when_done();
        Ok(())
    }

    /// Takes payload and compares it.
    fn receive(&mut self, now: Monotonic, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut socket) = self.socket.as_ref() else { return Ok(()) };
        match unless_blocked(socket.read(buffer))? {
            Some(0) => self.progress.end_of_stream = true,
            Some(len) => {
                self.progress.arrived(now, &buffer[..len]);
            }
            None => {}
        }
        Ok(())
    }

    /// Sends the next of its stream, and FIN after its last byte.
    fn send(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut socket) = self.socket.as_ref() else { return Ok(()) };
        let Some(room) = self.progress.output.allows(self.progress.sent) else { return Ok(()) };
        let len = room.min(buffer.len() as u64) as usize;
        if len == 0 {
            socket.shutdown(Shutdown::Write)?;
            self.progress.output = Output::Finished;
            return Ok(());
        }
        self.progress.outgoing.fill(self.progress.sent, &mut buffer[..len]);
        if let Some(len) = unless_blocked(socket.write(&buffer[..len]))? {
            self.progress.sent += len as u64;
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
            self.progress.phase = Phase::Closed;
            self.socket = None;
        }
        Ok(state == TCP_CLOSE)
    }

    /// What a report says of it.
    pub(super) fn report(&self, queues: bool) -> ConnectionReport {
        self.progress.report(if queues { self.queues() } else { None })
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
