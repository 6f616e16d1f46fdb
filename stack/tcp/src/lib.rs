//! The TCP engine: sans-IO, and it never holds payload.
//!
//! The same engine runs in the software ASIC's TP block and on the host path. It takes parsed headers
//! and the time, and answers what is to be done; bytes stay with their owner.
//!
//! # How an owner drives a connection
//!
//! ```text
//!   frame ──► checksum ──► Segment::parse ──► handle_segment ──► Input
//!                                                  │               payload: deliver, hold or drop
//!   reader's store ◄── bytes ──────────────────────┘               acked:   free so many send bytes
//!        │  deliver(n): "the reader sees them", now they may be acknowledged
//!        │  credit(n):  "it took them", now there is room again
//!        ▼
//!   poll_output ──► Output { segment, offset } ──► header by emit, payload from send buffer[offset..]
//!   poll_timeout ─► call handle_timeout then ────► poll_output again
//! ```
//!
//! 1. One [`Engine`] an owner (settings and counters), one [`Connection`] a connection. Every call takes
//!    `now`, which must not go back.
//! 2. **In**: find the connection by its addresses, verify the checksum, [`Segment::parse`],
//!    [`Connection::handle_segment`]. Store payload as [`Input::payload`] says. A store addressed by
//!    distance from `rcv_nxt` does it simply: copy `len` bytes to 0 ([`Payload::Deliver`]) or to `offset`
//!    ([`Payload::Hold`]); then its first [`Input::advanced`] bytes are in order. Drop
//!    [`Input::acked`] bytes at the front of the send buffer.
//! 3. **Commit rule**: bytes in order are *undelivered* until the owner calls [`Connection::deliver`],
//!    and the peer's FIN until [`Connection::deliver_fin`]. The ACK field of every segment is
//!    `rcv_nxt` less what is undelivered, so the peer's copy is let go only after the reader's exists. An
//!    owner that stores bytes where the reader sees them calls both at once. Likewise, whoever must be
//!    told of [`Events::ESTABLISHED`] before the peer learns of it is told before
//!    [`Connection::poll_output`] is called; not calling it is always allowed and merely late.
//! 4. **Window**: the right edge is `rcv_nxt + rcv_wnd`; `rcv_wnd` falls as `rcv_nxt` advances, and
//!    [`Connection::credit`] alone raises it, so the edge never moves left. What a peer may have in the
//!    owner's store, held bytes included, is never more than what was credited and not yet consumed.
//! 5. **Out**: call [`Connection::poll_output`] until `None` after every burst of input, after
//!    [`Connection::post`], [`Connection::close`], [`Connection::abort`], [`Connection::deliver`],
//!    [`Connection::credit`], and after [`Connection::handle_timeout`]. ACKs that are due wait until then,
//!    so a burst of segments costs one. An `Output` is sent, as far as the engine knows.
//!    While the way out takes none, call [`Connection::hold_output`] in its place.
//! 6. **Time**: [`Connection::poll_timeout`] changes with every call; a wake-up that comes early does no
//!    harm, so an owner may keep a timer that is set too early and ask again when it fires.
//! 7. **End**: [`Events::CLOSED`] (or [`State::Closed`] after `close` and `abort`) ends a connection. It may
//!    have one last segment to send: poll its output until `None` (a last ACK waits for the commit rule),
//!    then drop it. Segments of nobody are answered by [`reset_for`].
//!
//! [`Connection::checkpoint`] and [`Connection::restore`] move a connection to another engine;
//! [`Checkpoint::to_bytes`] and [`Checkpoint::from_bytes`] to one in another process.
#![forbid(unsafe_code)]

mod assembler;
mod cc;
mod checkpoint;
mod config;
mod connection;
mod counters;
mod delack;
mod ecn;
mod flight;
mod holding;
mod icmp;
mod info;
mod input;
pub mod isn;
mod limit;
mod loss;
mod mtu_probe;
mod outcome;
mod output;
mod patience;
mod prr;
mod rack;
mod rare;
mod recovery;
mod restore;
mod rtt;
mod scoreboard;
#[cfg(feature = "script")]
pub mod script;
mod segment;
mod seq;
mod state;
mod straight;
pub mod syncookie;
mod tail_probe;
mod tcb;
#[cfg(all(test, feature = "script"))]
mod tests;
mod time;
mod timers;
mod writes;

pub use cc::{CongestionControl, CongestionState, Prior, UnknownCongestionControl};
pub use checkpoint::{
    AckCheckpoint, Checkpoint, EchoFloor, Fate, Frto, HeldRange, LastWord, LossCheckpoint,
    MtuSearchCheckpoint, PatienceCheckpoint, Pending, Private, Probe, RackCheckpoint, Recovery,
    RhythmCheckpoint, RttCheckpoint, SentCheckpoint, TailProbe, TimersCheckpoint,
    TimestampsCheckpoint, Transmissions, UndoCheckpoint, Unfit, WindowScale, WindowUse,
    WritesCheckpoint,
};
pub use config::{Config, EcnMode, Engine, Keepalive, Open, Switches, TimeWait, TsClock};
pub use connection::Connection;
pub use counters::Counters;
pub use delack::Rhythm;
pub use ecn::{CeEcho, EcnState};
pub use icmp::IcmpError;
pub use info::{Info, Limit};
pub use mtu_probe::{MtuProbe, MtuProbing};
pub use outcome::{Events, Follows, Input, Output, Payload};
pub use patience::Patience;
pub use prr::Prr;
pub(crate) use scoreboard::Sent;
pub use segment::{
    CHECKSUM_OFFSET, Ecn, Flags, HEADER_LEN, HEADER_LEN_MAX, Malformed, Options, SackBlock,
    SackBlocks, Segment, TIMESTAMPS_LEN, Timestamps, reset_for,
};
pub use seq::SeqNum;
pub use state::{Ended, GaveUp, Opened, PeerFin, State};
pub use timers::RetransmitTimer;

pub use writes::Then;

use mafo_mem::Nanos;

/// A TS.Recent older than this proves nothing (RFC 7323 5.5).
//= rfc7323#5.5 RFC7323-5.5-1
pub const PAWS_IDLE: Nanos = Nanos::from_secs(24 * 24 * 3600);
