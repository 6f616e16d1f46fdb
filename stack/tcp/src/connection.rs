//! One connection, as its owner drives it.

use mafo_mem::Nanos;

use crate::{Ended, Engine, Open, Segment, SeqNum, Snapshot, State, Switches, WindowScale};

/// One TCP connection. It holds sequence numbers and times, never a payload byte.
///
/// See the crate documentation for how an owner drives it.
#[derive(Clone, Debug)]
pub struct Connection {
    state: State,
}

/// What a received segment means for the owner of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Input {
    /// What to do with the segment's payload.
    pub payload: Payload,
    /// Payload bytes by which `rcv_nxt` moved forward: those of [`Payload::Deliver`] and those held
    /// earlier that now follow without a gap. They count as undelivered until [`Connection::deliver`].
    pub advanced: u32,
    /// Payload bytes at the front of the send buffer that the peer has acknowledged: free them.
    pub acked: u32,
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

/// A set of things that happened.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The handshake is complete.
    pub const ESTABLISHED: Self = Self(1);
    /// The peer's FIN is in order: no payload follows. Confirm by [`Connection::deliver_fin`] once the
    /// reader can see it.
    pub const PEER_FIN: Self = Self(2);
    /// The peer acknowledged our FIN.
    pub const FIN_ACKED: Self = Self(4);
    /// The connection entered TIME-WAIT and keeps it ([`crate::TimeWait::Keep`]).
    pub const TIME_WAIT: Self = Self(8);
    /// The connection is over; [`Connection::ended`] says why. Take the rest of its output, then drop it.
    pub const CLOSED: Self = Self(16);
    /// In TIME-WAIT a SYN came that may open a new connection (RFC 6191): drop this connection and give
    /// the SYN to the listener, with an initial sequence number after [`Connection::snd_max`].
    pub const REOPEN: Self = Self(32);

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

impl core::ops::BitOr for Events {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl core::ops::BitOrAssign for Events {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl core::fmt::Debug for Events {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMES: [&str; 6] =
            ["ESTABLISHED", "PEER_FIN", "FIN_ACKED", "TIME_WAIT", "CLOSED", "REOPEN"];
        let mut separator = "";
        for (_, name) in NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1) {
            write!(f, "{separator}{name}")?;
            separator = "|";
        }
        if separator.is_empty() { f.write_str("-") } else { Ok(()) }
    }
}

/// A segment to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// The header. `segment.payload_len` bytes of payload go behind it.
    pub segment: Segment,
    /// Where the payload starts in the send buffer: bytes beyond the first one not acknowledged.
    pub offset: u32,
}

impl Connection {
    /// Opens actively; the SYN is the first output.
    ///
    //= rfc9293#3.10.1
    pub fn connect(engine: &mut Engine, now: Nanos, open: &Open) -> Self {
        let _ = (engine, now, open);
        unimplemented!()
    }

    /// Opens passively on `syn`; the SYN,ACK is the first output. `None` when `syn` is no segment that
    /// a listener takes (SYN without ACK and RST).
    ///
    //= rfc9293#3.10.7.2
    pub fn accept(engine: &mut Engine, now: Nanos, open: &Open, syn: &Segment) -> Option<Self> {
        let _ = (engine, now, open, syn);
        unimplemented!()
    }

    /// Goes on with a connection that another engine had. RTT samples from echoes of timestamps older
    /// than this moment's are not taken.
    ///
    /// Nothing is output but what is owed: payload or FIN not sent or lost, an ACK, a window update.
    pub fn restore(engine: &mut Engine, now: Nanos, snapshot: &Snapshot) -> Self {
        let _ = (engine, now, snapshot);
        unimplemented!()
    }

    /// All that the connection knows.
    #[must_use]
    pub fn snapshot(&self, now: Nanos) -> Snapshot {
        let _ = now;
        unimplemented!()
    }

    /// Takes a segment of this connection, whose checksum was right.
    ///
    //= rfc9293#3.10.7
    pub fn handle_segment(&mut self, engine: &mut Engine, now: Nanos, segment: &Segment) -> Input {
        let _ = (engine, now, segment);
        unimplemented!()
    }

    /// The next segment that is due; call until `None`.
    pub fn poll_output(&mut self, engine: &mut Engine, now: Nanos) -> Option<Output> {
        let _ = (engine, now);
        unimplemented!()
    }

    /// When [`Connection::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        unimplemented!()
    }

    /// Runs the timers that are due; a call that comes early does nothing. Output may follow.
    pub fn handle_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        let _ = (engine, now);
        unimplemented!()
    }

    /// The owner has `bytes` more to send, behind all posted before. Panics after [`Connection::close`].
    pub fn post(&mut self, bytes: u32) {
        let _ = bytes;
        unimplemented!()
    }

    /// No payload follows what is posted: a FIN goes out behind it.
    ///
    //= rfc9293#3.10.4
    pub fn close(&mut self) {
        unimplemented!()
    }

    /// Ends the connection at once; a peer that knows it is sent a reset.
    ///
    //= rfc9293#3.10.5
    pub fn abort(&mut self) {
        unimplemented!()
    }

    /// The owner's reader can now see the `bytes` oldest undelivered bytes: they may be acknowledged.
    /// Panics when fewer are undelivered.
    pub fn deliver(&mut self, bytes: u32) {
        let _ = bytes;
        unimplemented!()
    }

    /// The owner's reader can now see the end of the stream: the peer's FIN may be acknowledged.
    /// Panics unless a FIN is undelivered and all payload before it is delivered.
    pub fn deliver_fin(&mut self) {
        unimplemented!()
    }

    /// The owner has room for `bytes` more: the receive window's right edge moves.
    pub fn credit(&mut self, bytes: u32) {
        let _ = bytes;
        unimplemented!()
    }

    /// An ACK is due at the next output, whether or not one is owed.
    pub fn force_ack(&mut self) {
        unimplemented!()
    }

    /// Lets the retransmission timer run out at once, if it runs: for a path that lost what was sent.
    pub fn expire_retransmit_timer(&mut self, now: Nanos) {
        let _ = now;
        unimplemented!()
    }

    /// Limits segments to `mss` bytes, without headers and without options; see [`Open::mss`].
    pub fn set_mss(&mut self, mss: u16) {
        let _ = mss;
        unimplemented!()
    }

    /// Changes the switches.
    pub fn set_switches(&mut self, engine: &Engine, now: Nanos, switches: Switches) {
        let _ = (engine, now, switches);
        unimplemented!()
    }

    /// State.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the connection is over, in [`State::Closed`].
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        unimplemented!()
    }

    /// Oldest sequence number not acknowledged.
    #[must_use]
    pub fn snd_una(&self) -> SeqNum {
        unimplemented!()
    }

    /// Next sequence number to send: `snd_max`, or the first one that is to be sent again.
    #[must_use]
    pub fn snd_nxt(&self) -> SeqNum {
        unimplemented!()
    }

    /// One past the highest sequence number sent.
    #[must_use]
    pub fn snd_max(&self) -> SeqNum {
        unimplemented!()
    }

    /// One past the last payload byte posted.
    #[must_use]
    pub fn tx_max(&self) -> SeqNum {
        unimplemented!()
    }

    /// The peer's window in bytes, beyond `snd_una`.
    #[must_use]
    pub fn snd_wnd(&self) -> u32 {
        unimplemented!()
    }

    /// Next sequence number expected.
    #[must_use]
    pub fn rcv_nxt(&self) -> SeqNum {
        unimplemented!()
    }

    /// Receive window beyond `rcv_nxt`, in bytes.
    #[must_use]
    pub fn rcv_wnd(&self) -> u32 {
        unimplemented!()
    }

    /// In-order payload bytes not yet confirmed as delivered.
    #[must_use]
    pub fn undelivered(&self) -> u32 {
        unimplemented!()
    }

    /// Whether all that was posted, a FIN included, is acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        unimplemented!()
    }

    /// Payload bytes of a full-sized segment, timestamps taken off.
    #[must_use]
    pub fn payload_max(&self) -> u32 {
        unimplemented!()
    }

    /// Largest segment to send, without headers and options: what the peer announced, or our limit.
    #[must_use]
    pub fn mss(&self) -> u16 {
        unimplemented!()
    }

    /// Window scaling, if both sides offered it.
    #[must_use]
    pub fn window_scale(&self) -> Option<WindowScale> {
        unimplemented!()
    }

    /// Whether both sides offered timestamps.
    #[must_use]
    pub fn timestamps_in_force(&self) -> bool {
        unimplemented!()
    }

    /// Whether both sides offered SACK.
    #[must_use]
    pub fn sack_in_force(&self) -> bool {
        unimplemented!()
    }

    /// Our initial sequence number.
    #[must_use]
    pub fn iss(&self) -> SeqNum {
        unimplemented!()
    }

    /// The peer's initial sequence number.
    #[must_use]
    pub fn irs(&self) -> SeqNum {
        unimplemented!()
    }
}
