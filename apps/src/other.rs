//! The other host, whichever TCP it has.

use std::os::fd::BorrowedFd;

use mafo::Nanos;

use crate::peer::{CaptureSummary, Command, Event, KernelPeer, Monotonic, PeerError};
use crate::smoltcp_peer::SmoltcpPeer;

/// The Linux kernel or smoltcp: they take the same commands and answer with the same events.
pub(crate) enum Other {
    /// In a namespace, in real time.
    Kernel(KernelPeer),
    /// In this process, in the caller's time.
    Smoltcp(Box<SmoltcpPeer>),
}

impl Other {
    pub(crate) fn command(&mut self, command: Command) -> Result<(), PeerError> {
        match self {
            Self::Kernel(peer) => peer.command(command),
            Self::Smoltcp(peer) => {
                peer.command(command);
                Ok(())
            }
        }
    }

    /// The next thing that it says.
    pub(crate) fn poll(&mut self, now: Nanos) -> Result<Option<Event>, PeerError> {
        match self {
            Self::Kernel(peer) => peer.poll(),
            Self::Smoltcp(peer) => Ok(peer.poll(now)),
        }
    }

    /// What says when it has to be polled: a descriptor, or the peer itself, which knows its timers.
    pub(crate) fn wakers(&mut self) -> (Option<BorrowedFd<'_>>, Option<&mut SmoltcpPeer>) {
        match self {
            Self::Kernel(peer) => (Some(peer.waker()), None),
            Self::Smoltcp(peer) => (None, Some(peer)),
        }
    }

    /// Whether it has to be polled before long though nothing will say so.
    pub(crate) fn has_waiting(&self) -> bool {
        match self {
            Self::Kernel(peer) => peer.has_waiting(),
            Self::Smoltcp(_) => false,
        }
    }

    /// Whether it counts its retransmission timeouts.
    pub(crate) fn counts_timeouts(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }

    /// The instant that its marks are told in.
    pub(crate) fn instant(&self, now: Nanos) -> Monotonic {
        match self {
            Self::Kernel(_) => Monotonic::now(),
            Self::Smoltcp(_) => now.into(),
        }
    }

    /// Ends it; its capture is written then. What became of that, if there is one.
    pub(crate) fn stop(self) -> Result<Option<CaptureSummary>, PeerError> {
        match self {
            Self::Kernel(peer) => peer.stop(),
            Self::Smoltcp(peer) => Ok(peer.stop()),
        }
    }
}
