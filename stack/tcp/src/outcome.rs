//! What calls on a connection answer.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

use crate::Segment;

/// What a received segment means for the owner of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Input {
    /// What to do with the segment's payload.
    pub payload: Payload,
    /// Payload bytes by which `rcv_nxt` moved forward: those of [`Payload::Deliver`] and those held
    /// earlier that now follow without a gap. They count as undelivered until
    /// [`crate::Connection::deliver`].
    pub advanced: u32,
    /// Payload bytes at the front of the send buffer that the peer has acknowledged: free them.
    pub acked: u32,
    /// The peer's urgent pointer moved: its urgent bytes end this many bytes beyond what `rcv_nxt` was
    /// before the segment. They are bytes of the stream like all others (RFC 6093).
    pub urgent: Option<u32>,
    /// What else happened.
    pub events: Events,
}

/// What to do with a segment's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// Nothing in it is wanted.
    #[default]
    Drop,
    /// Bytes `skip..skip + len` of the payload are the next in order. They may run over bytes held
    /// earlier; either copy may be kept, as long as [`Input::advanced`] bytes are then in order.
    Deliver {
        /// Bytes of the payload to leave out at its front.
        skip: u32,
        /// Bytes to take.
        len: u32,
    },
    /// Bytes `skip..skip + len` of the payload belong `offset` bytes beyond `rcv_nxt`: keep them there
    /// until a later [`Input::advanced`] reaches them. They may run over bytes held earlier.
    Hold {
        /// Bytes of the payload to leave out at its front.
        skip: u32,
        /// Bytes to keep.
        len: u32,
        /// Where the first kept byte belongs, in bytes beyond `rcv_nxt`.
        offset: u32,
    },
}

/// A segment to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// The header. `segment.payload_len` bytes of payload go behind it.
    pub segment: Segment,
    /// Where the payload starts in the send buffer: bytes beyond the first one not acknowledged.
    pub offset: u32,
    /// What is known of the next one.
    pub follows: Follows,
}

/// What comes after a segment that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// [`crate::Connection::poll_output`] has to be asked.
    Unknown,
    /// Nothing now: what the next [`crate::Connection::poll_output`] would find and do is known and done.
    Nothing,
    /// One like it, which [`crate::Connection::poll_alike`] makes of it in less time than
    /// [`crate::Connection::poll_output`] would take, in pieces of up to so many segments.
    Alike(u8),
}

/// A set of things that happened.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The handshake is complete.
    pub const ESTABLISHED: Self = Self(1);
    /// The peer's FIN is in order: no payload follows. Confirm by [`crate::Connection::deliver_fin`]
    /// once the reader can see it.
    pub const PEER_FIN: Self = Self(2);
    /// The peer acknowledged our FIN.
    pub const FIN_ACKED: Self = Self(4);
    /// The connection entered TIME-WAIT and keeps it ([`crate::TimeWait::Keep`]).
    pub const TIME_WAIT: Self = Self(8);
    /// The connection is over; [`crate::Connection::ended`] says why. Take the rest of its output, then
    /// drop it.
    pub const CLOSED: Self = Self(16);
    /// In TIME-WAIT a SYN came that may open a new connection (RFC 6191): drop this connection and give
    /// the SYN to the listener, with an initial sequence number after [`crate::Connection::snd_max`].
    pub const REOPEN: Self = Self(32);

    /// Something was sent again so often that the way to the peer may be the wrong one (R1 of RFC 9293
    /// 3.8.3): ask for the next hop, tell the application if it wants to know.
    pub const NEGATIVE_ADVICE: Self = Self(64);

    /// Whether all of `other` happened.
    #[must_use]
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing happened.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Events {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = [
            "ESTABLISHED",
            "PEER_FIN",
            "FIN_ACKED",
            "TIME_WAIT",
            "CLOSED",
            "REOPEN",
            "NEGATIVE_ADVICE",
        ];
        let mut separator = "";
        for (_, name) in NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1) {
            write!(f, "{separator}{name}")?;
            separator = "|";
        }
        if separator.is_empty() { f.write_str("-") } else { Ok(()) }
    }
}
