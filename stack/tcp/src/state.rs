//! Connection states, as in RFC 9293 Figure 5.
//!
//! ```text
//!  connect: snd SYN                                    accept: rcv SYN, snd SYN,ACK
//!         │                                                    │
//!    ┌────▼────┐  rcv SYN, snd SYN,ACK (both open at once) ┌───▼────┐
//!    │ SynSent ├──────────────────────────────────────────►│SynRcvd │
//!    └────┬────┘                                           └─┬────┬─┘
//!         │ rcv SYN,ACK, snd ACK     ┌───────────┐ rcv ACK   │    │
//!         └─────────────────────────►│Established│◄──────────┘    │ close: snd FIN
//!                                    └──┬─────┬──┘                │
//!                        close: snd FIN │     │ rcv FIN, snd ACK  │
//!                  ┌────────────────────▼─┐ ┌─▼────────┐          │
//!                  │ FinWait1             │ │CloseWait │          │
//!                  └─┬────────┬─────────┬─┘ └─┬────────┘          │
//!                    ▲        │         │     │ close: snd FIN    │
//!                    └────────┼─────────┼─────┼───────────────────┘
//!     rcv ACK of FIN │ rcv FIN, snd ACK │ rcv FIN and ACK of FIN, snd ACK
//!              ┌─────▼──┐ ┌───▼────┐    │   ┌─▼──────┐
//!              │FinWait2│ │Closing │    │   │LastAck │
//!              └─────┬──┘ └───┬────┘    │   └─┬──────┘
//!   rcv FIN, snd ACK │        │ rcv ACK │     │ rcv ACK of FIN
//!                    │      ┌─▼─────────▼┐  ┌─▼──────┐
//!                    └─────►│ TimeWait   ├─►│ Closed │◄── reset, abort, time out, from anywhere
//!                           └────────────┘  └────────┘
//! ```
//!
//! `Listen` is not here: a listener is its owner's, who makes a [`crate::Connection`] of a SYN.

use serde::{Deserialize, Serialize};

/// State of a connection; RFC 9293 3.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// No connection any more. One last ACK or RST may still have to go out.
    Closed,
    /// Our SYN is out.
    SynSent,
    /// Both SYNs are known, ours is not acknowledged.
    SynRcvd,
    /// Open both ways.
    Established,
    /// We closed; our FIN is not acknowledged, and may not even have been sent.
    FinWait1,
    /// We closed and the peer knows.
    FinWait2,
    /// The peer closed, we did not.
    CloseWait,
    /// Both closed, the peer does not know of ours.
    Closing,
    /// The peer closed first, then we did, and it does not know yet.
    LastAck,
    /// Both closed and both know, except that the peer may have lost our last ACK.
    TimeWait,
}

impl State {
    /// Whether both sides' SYNs have been acknowledged, and the connection is not over.
    #[must_use]
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::SynSent | Self::SynRcvd)
    }

    /// Whether the peer may still send payload.
    #[must_use]
    pub const fn takes_payload(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether payload or FIN of ours may be outstanding or still to be sent.
    #[must_use]
    pub const fn sends_payload(self) -> bool {
        matches!(
            self,
            Self::Established | Self::CloseWait | Self::FinWait1 | Self::Closing | Self::LastAck
        )
    }
}

/// What the peer's FIN has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerFin {
    /// Not seen.
    #[default]
    Absent,
    /// Seen at this sequence number, with bytes missing before it.
    Held(crate::SeqNum),
    /// Received in order and counted in `rcv_nxt`; the owner has not confirmed that its reader can see it.
    Undelivered,
    /// Received, and confirmed by [`crate::Connection::deliver_fin`].
    Delivered,
}

/// Who spoke first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opened {
    /// We did, by [`crate::Connection::connect`].
    Actively,
    /// The peer did; we answered by [`crate::Connection::accept`].
    Passively,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
//= rfc9293#3.6 MUST-12
pub enum Ended {
    /// Both directions closed and we closed last, so nothing need be remembered.
    Finished,
    /// Both directions closed and we closed first: TIME-WAIT has passed, or, under
    /// [`crate::TimeWait::Owner`], begins now and is the owner's to keep.
    TimeWait,
    /// The owner closed before anything was established.
    NotOpened,
    /// The owner aborted.
    Aborted,
    /// The peer refused the connection by a reset.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// A router, or the peer's host, said before the connection was open that the peer cannot be reached.
    Unreachable(crate::IcmpError),
    /// A timer gave up.
    TimedOut(GaveUp),
}

/// Which timer gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GaveUp {
    /// Our SYN or SYN,ACK was retransmitted as often as allowed.
    Open,
    /// Payload or FIN was retransmitted as often as allowed.
    Retransmit,
    /// A peer with a closed window no longer answered probes.
    Persist,
    /// An idle peer no longer answered probes.
    Keepalive,
    /// The peer did not close for as long as allowed after we did.
    FinWait2,
    /// The connection made no progress for as long as its user waits ([`crate::Patience::user_timeout`]).
    User,
}
