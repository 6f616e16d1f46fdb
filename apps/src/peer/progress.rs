//! What a connection has whoever plays the peer: two streams, and what has come of them.

use super::clock::Monotonic;
use super::gaps::GapLog;
use super::plan::End;
use super::protocol::{ConnectionReport, Phase, Queues, Sending, Stall};
use crate::stream::Stream;

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

/// How far a connection is.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) id: u32,
    /// Who opens it.
    pub(crate) opener: End,
    pub(crate) phase: Phase,
    pub(crate) outgoing: Stream,
    incoming: Stream,
    pub(crate) output: Output,
    pub(crate) end_of_stream: bool,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) corrupt: u64,
    pub(crate) gaps: GapLog,
}

impl Progress {
    /// Of a connection without a socket, at the end `end`.
    pub(crate) fn new(id: u32, opener: End, end: End, seed: u64, sending: Sending) -> Self {
        Self {
            id,
            opener,
            phase: if opener == end { Phase::Queued } else { Phase::Expected },
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

    /// Compares payload that has arrived.
    pub(crate) fn arrived(&mut self, now: Monotonic, bytes: &[u8]) {
        self.gaps.arrival(now);
        self.corrupt += self.incoming.mismatches(self.received, bytes);
        self.received += bytes.len() as u64;
    }

    /// Goes to phase `Closing` once both streams have ended.
    pub(crate) fn close_when_done(&mut self) {
        if self.end_of_stream && self.output == Output::Finished {
            self.phase = Phase::Closing;
        }
    }

    /// What a report says of it, its socket having these queues.
    pub(crate) fn report(&self, queues: Option<Queues>) -> ConnectionReport {
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

    /// What it saw around the marked instant.
    pub(crate) fn stall(&self, now: Monotonic) -> Stall {
        let (spanning, longest) = self.gaps.stall(now);
        Stall { id: self.id, spanning, longest }
    }
}
