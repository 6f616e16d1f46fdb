//! Applications: each end of a connection writes, reads, pauses and ends as planned, and compares what
//! it reads.

use mafo::{ConnectionError, Core, SocketError, SocketId};
use mafo_mem::Nanos;

use crate::check::Rule;
use crate::plan::{Act, End, Ending, Side};
use crate::stream;

/// Why an application is not content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Complaint {
    /// A byte is wrong, or one too many.
    Bytes(String),
    /// An error where there is no reason for one.
    Error(SocketError),
}

/// How far an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has no socket yet.
    Waiting,
    /// It writes and reads.
    Talking,
    /// Both streams are at their end; it waits to be told that all is closed.
    Closing,
    /// It is through.
    Over,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) side: Side,
    pub(crate) conn: usize,
    pub(crate) plan: End,
    pub(crate) phase: Phase,
    pub(crate) id: Option<SocketId>,
    pub(crate) written: u64,
    pub(crate) read: u64,
    /// It has said that it writes no more.
    pub(crate) shut: bool,
    pub(crate) eof: bool,
    /// It, or its machine for it, may send a reset.
    pub(crate) gave_up: bool,
    /// The connection ended by a reset that was to be expected.
    pub(crate) was_reset: bool,
    /// It was told that the connection was lost with its adapter.
    pub(crate) was_lost: bool,
    pub(crate) opened: Nanos,
    write_from: Nanos,
    read_from: Nanos,
    /// Bytes written when it pauses next.
    next_pause: u64,
    /// When it last looked.
    looked: Nanos,
}

impl Application {
    pub(crate) fn new(side: Side, conn: usize, plan: End) -> Self {
        Self {
            side,
            conn,
            plan,
            phase: Phase::Waiting,
            id: None,
            written: 0,
            read: 0,
            shut: false,
            eof: false,
            gave_up: false,
            was_reset: false,
            was_lost: false,
            write_from: Nanos::ZERO,
            read_from: Nanos::ZERO,
            opened: Nanos::ZERO,
            next_pause: plan.write_pause.map_or(0, |(at, _)| at),
            looked: Nanos::ZERO,
        }
    }

    pub(crate) fn start(&mut self, id: SocketId) {
        self.id = Some(id);
        self.phase = Phase::Talking;
    }

    /// Does this from now on, whatever it was going to.
    pub(crate) fn change_mind(&mut self, now: Nanos, act: Act) {
        match act {
            Act::Finish => {
                self.plan.bytes = self.written;
                self.plan.linger = Nanos::ZERO;
                self.write_from = now;
            }
            Act::Close => self.plan.ending = Ending::CloseEarly(self.read),
            Act::Abort => self.plan.ending = Ending::Abort(self.read),
            Act::Rest(time) => self.read_from = now + time,
        }
    }

    /// When a pause ends.
    pub(crate) fn wake_up(&self, now: Nanos) -> Option<Nanos> {
        if self.phase != Phase::Talking {
            return None;
        }
        [self.write_from, self.read_from].into_iter().filter(|&at| at > now).min()
    }

    /// Whether a pause has ended since it last looked.
    pub(crate) fn rested(&self, now: Nanos) -> bool {
        let rested = |from: Nanos| from > self.looked && from <= now;
        rested(self.write_from) || rested(self.read_from)
    }

    /// Does what can be done now, while `other` is at the other end. The open `may_fail`, as long as nobody has accepted it.
    /// `None`: nothing came of it; an error is the rule that is violated, and how.
    pub(crate) fn turn(
        &mut self,
        now: Nanos,
        core: &mut Core,
        other: &Self,
        may_fail: bool,
        scratch: &mut [u8],
    ) -> Option<Result<(), (Rule, String)>> {
        if matches!(self.phase, Phase::Waiting | Phase::Over) {
            return None;
        }
        let state = |app: &Self| (app.phase, app.written, app.read, app.eof, app.shut);
        let before = state(self);
        let may_fail = other.gave_up || (may_fail && other.phase == Phase::Waiting);
        let complaint = self.run(now, core, may_fail, scratch).err();
        if self.was_reset && other.phase == Phase::Waiting {
            self.gave_up = true;
        }
        if before == state(self) && complaint.is_none() {
            return None;
        }
        let side = self.side;
        let short = self.eof && !other.gave_up && self.read != other.written;
        if short {
            let how =
                format!("{side:?}: the end of the stream at {} of {}", self.read, other.written);
            return Some(Err((Rule::Delivery, how)));
        }
        Some(match complaint {
            Some(Complaint::Bytes(how)) => Err((Rule::Delivery, how)),
            Some(Complaint::Error(error)) => Err((Rule::Error, format!("{side:?}: {error}"))),
            None => Ok(()),
        })
    }

    /// Does what can be done now. `reset_expected`: the other end gave up.
    fn run(
        &mut self,
        now: Nanos,
        core: &mut Core,
        reset_expected: bool,
        scratch: &mut [u8],
    ) -> Result<(), Complaint> {
        let Some(id) = self.id else { return Ok(()) };
        self.looked = now;
        match self.phase {
            Phase::Waiting | Phase::Over => return Ok(()),
            Phase::Closing => {
                if core.is_over(id) {
                    core.close(now, id);
                    self.phase = Phase::Over;
                }
                return Ok(());
            }
            Phase::Talking => {}
        }
        let done = self.talk(now, core, id, scratch);
        match done {
            Ok(()) => {}
            Err(Complaint::Error(SocketError::Connection(ConnectionError::Lost))) => {
                // The peer hears of it only if it asks.
                (self.was_lost, self.gave_up) = (true, true);
                core.close(now, id);
                self.phase = Phase::Over;
                return Ok(());
            }
            Err(Complaint::Error(_)) if reset_expected || self.gave_up => {
                self.was_reset = true;
                core.close(now, id);
                self.phase = Phase::Over;
                return Ok(());
            }
            Err(complaint) => return Err(complaint),
        }
        if self.ends_early(now, core, id) {
            self.phase = Phase::Over;
        } else if self.eof && self.shut {
            if self.plan.waits_for_close && !core.is_over(id) {
                self.phase = Phase::Closing;
            } else {
                core.close(now, id);
                self.phase = Phase::Over;
            }
        }
        Ok(())
    }

    fn ends_early(&mut self, now: Nanos, core: &mut Core, id: SocketId) -> bool {
        match self.plan.ending {
            Ending::CloseEarly(at) if self.read >= at => core.close(now, id),
            Ending::Abort(at) if self.read >= at => core.abort(now, id),
            Ending::Orderly | Ending::CloseEarly(_) | Ending::Abort(_) => return false,
        }
        self.gave_up = true;
        self.shut = true;
        true
    }

    fn talk(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        scratch: &mut [u8],
    ) -> Result<(), Complaint> {
        if core.is_established(id) || core.is_over(id) {
            self.write(now, core, id)?;
        }
        self.read(now, core, id, scratch)
    }

    fn write(&mut self, now: Nanos, core: &mut Core, id: SocketId) -> Result<(), Complaint> {
        while self.written < self.plan.bytes && now >= self.write_from {
            let mut len = self.plan.chunk.min(self.plan.bytes - self.written);
            if let Some((at, pause)) = self.plan.write_pause
                && self.written + len > self.next_pause
            {
                len = self.next_pause.saturating_sub(self.written);
                if len == 0 {
                    self.next_pause = self.written + at;
                    self.write_from = now + pause;
                    break;
                }
            }
            let bytes = stream::bytes(self.conn, self.side, self.written, len as usize);
            match self.send(core, id, bytes) {
                Ok(n) => self.written += n as u64,
                Err(SocketError::WouldBlock) => break,
                Err(error) => return Err(Complaint::Error(error)),
            }
        }
        if self.written == self.plan.bytes && self.plan.linger > Nanos::ZERO {
            self.write_from = now + std::mem::take(&mut self.plan.linger);
        }
        if self.written == self.plan.bytes && !self.shut && now >= self.write_from {
            core.shutdown(id).map_err(Complaint::Error)?;
            self.shut = true;
        }
        Ok(())
    }

    /// Sends what can be sent of `bytes`. Every third connection lends every other chunk, as long as there is memory.
    fn send(&self, core: &mut Core, id: SocketId, bytes: &[u8]) -> Result<usize, SocketError> {
        let lends = self.conn % 3 == 1 && self.written / self.plan.chunk.max(1) % 2 == 1;
        let buffer = if lends { core.lend_buffer(bytes.len()).ok() } else { None };
        let Some(mut buffer) = buffer else { return core.send(id, bytes) };
        buffer.copy_from_slice(bytes);
        core.send_lent(id, buffer.freeze()).map(|()| bytes.len()).map_err(|refused| refused.why)
    }

    fn read(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        buf: &mut [u8],
    ) -> Result<(), Complaint> {
        while !self.eof && now >= self.read_from {
            if let Some((at, pause)) = self.plan.read_pause
                && self.read >= at
            {
                self.plan.read_pause = None;
                self.read_from = now + pause;
                break;
            }
            match core.recv(id, buf) {
                Ok(0) => self.eof = true,
                Ok(n) => self.compare(&buf[..n])?,
                Err(SocketError::WouldBlock) => break,
                Err(error) => return Err(Complaint::Error(error)),
            }
        }
        Ok(())
    }

    fn compare(&mut self, bytes: &[u8]) -> Result<(), Complaint> {
        let end = self.read + bytes.len() as u64;
        if end > stream::STREAM_MAX as u64 {
            return Err(Complaint::Bytes(format!("byte {end} of a shorter stream")));
        }
        let expected = stream::bytes(self.conn, self.side.other(), self.read, bytes.len());
        if bytes != expected {
            let at = bytes.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(0);
            return Err(Complaint::Bytes(format!("byte {} is wrong", self.read + at as u64)));
        }
        self.read = end;
        Ok(())
    }
}
