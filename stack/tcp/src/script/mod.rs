//! Packet scripts: behaviours written down as traces, to be run against any owner of the engine.
//!
//! A script plays the peer of one connection. It says what the application does, what arrives and what
//! must leave, and when:
//!
//! ```
//! use mafo_tcp::script::*;
//!
//! fn fin_is_retransmitted(bench: &mut dyn Bench) {
//!     let mut t = Trace::established(bench, Setup::default(), Peer::default());
//!     t.close();
//!     expect!(t, at 0 ms, FIN | ACK, seq 1, ack 1);
//!     expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1);
//!     counted!(t, tx_segments: 2, retransmits: 1, timeouts: 1);
//! }
//! fin_is_retransmitted(&mut EngineBench);
//! ```
//!
//! Sequence numbers are relative: a SYN has 0, the first byte of payload 1. Payload bytes are a pattern of
//! their place in the stream and are compared at both ends. `expect!` fails when another segment leaves
//! first, `silence!` when any does, `counted!` when any counter that it does not name has moved.
//!
//! An owner of the engine runs all scripts by implementing [`Endpoint`] and [`Bench`] and writing
//! `mafo_tcp::script_tests!(MyBench::new());` in a test.

mod chance;
mod engine;
pub mod hostile;
pub(crate) mod law;
mod peer;
mod scripts;
mod trace;
mod travel;

pub use chance::Chance;
pub use engine::{EngineBench, EngineEndpoint};
pub use peer::{Peer, Seg, pattern};
pub use scripts::{
    LISTED, Script, ack, cc, close, commit, ecn, held, icmp, loss, mtu_probe, open, options, pmtu,
    reassembly, recovery, reset, send, timers, timestamps, urgent, user_timeout, window,
};
pub use trace::Trace;
pub use travel::TravellingBench;

use mafo_mem::Nanos;

use crate::{
    Config, CongestionControl, Counters, EcnMode, Ended, Flags, IcmpError, Patience, Segment,
    SeqNum, State, Switches,
};

pub use crate::Ecn;
pub use crate::{counted, expect, inject, silence};

/// [`Flags::FIN`].
pub const FIN: Flags = Flags::FIN;
/// [`Flags::SYN`].
pub const SYN: Flags = Flags::SYN;
/// [`Flags::RST`].
pub const RST: Flags = Flags::RST;
/// [`Flags::PSH`].
pub const PSH: Flags = Flags::PSH;
/// [`Flags::ACK`].
pub const ACK: Flags = Flags::ACK;
/// [`Flags::URG`].
pub const URG: Flags = Flags::URG;

/// What the connection under test is opened with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Settings of the engine.
    pub config: Config,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// Largest segment announced.
    pub mss: u16,
    /// Receive buffer in bytes; whole KB, in which cards count.
    pub rcv_buf: u32,
    /// Window shift offered.
    pub window_scale: Option<u8>,
    /// Whether timestamps are offered.
    pub timestamps: bool,
    /// Whether SACK is offered.
    pub sack: bool,
    /// Congestion control.
    pub congestion: CongestionControl,
    /// Explicit congestion notification.
    pub ecn: EcnMode,
    /// Switches.
    pub switches: Switches,
}

impl Default for Setup {
    /// Plain TCP: no option but MSS, a 63 KiB buffer, segments of 1000 bytes, Nagle and delayed ACK on.
    fn default() -> Self {
        Self {
            config: Config::default(),
            iss: SeqNum(u32::MAX - 5_000),
            mss: 1000,
            rcv_buf: 63 << 10,
            window_scale: None,
            timestamps: false,
            sack: false,
            congestion: CongestionControl::NewReno,
            ecn: EcnMode::OnRequest,
            switches: Switches::default(),
        }
    }
}

impl Setup {
    /// All options offered.
    #[must_use]
    pub fn modern() -> Self {
        Self { timestamps: true, sack: true, window_scale: Some(2), ..Self::default() }
    }

    /// Without Nagle.
    #[must_use]
    pub fn nodelay() -> Self {
        let switches = Switches { nagle: false, ..Switches::default() };
        Self { switches, ..Self::default() }
    }
}

/// Where endpoints come from: one script may ask for several, one after the other.
pub trait Bench {
    /// A fresh endpoint with this setup, whose clock may show anything.
    fn start(&mut self, setup: &Setup) -> Box<dyn Endpoint>;

    /// By how much an endpoint's timers may be late.
    fn tolerance(&self) -> Nanos {
        Nanos::ZERO
    }

    /// Why a script, by its name, asks for what is not this owner's to do. It is then not run.
    fn excuse(&self, script: &str) -> Option<&'static str> {
        let _ = script;
        None
    }
}

/// One end of one connection, with an application on it. The script is the wire, and the other end.
pub trait Endpoint {
    /// The endpoint's clock.
    fn now(&self) -> Nanos;

    /// Moves the clock to `to` and does what is due on the way, but stops at once when a segment waits
    /// for [`Endpoint::take`].
    fn advance(&mut self, to: Nanos);

    /// A segment arrives.
    fn inject(&mut self, segment: &Segment, payload: &[u8]);

    /// The next segment that leaves.
    fn take(&mut self) -> Option<(Segment, Vec<u8>)>;

    /// The application opens actively.
    fn connect(&mut self);

    /// The application waits for a connection.
    fn listen(&mut self);

    /// The application sends; all of it is taken.
    fn send(&mut self, bytes: &[u8]);

    /// As [`Endpoint::send`]; all that was sent so far is urgent.
    fn send_urgent(&mut self, bytes: &[u8]);

    /// Bytes of the peer's stream up to the end of what it last called urgent, as the application was told.
    fn urgent_end(&self) -> Option<u64>;

    /// The application reads at most `max` bytes.
    fn recv(&mut self, max: usize) -> Vec<u8>;

    /// Whether the application has read all and seen the end of the stream.
    fn is_at_end(&self) -> bool;

    /// The application closes its side.
    fn close(&mut self);

    /// The application aborts.
    fn abort(&mut self);

    /// The application changes switches.
    fn set_switches(&mut self, switches: Switches);

    /// The path now carries segments of at most `mss` bytes without headers.
    fn set_mss(&mut self, mss: u16);

    /// The application says how long it waits for the peer.
    fn set_patience(&mut self, patience: Patience);

    /// A router says what became of the segment at `seq`.
    fn icmp(&mut self, seq: SeqNum, error: IcmpError);

    /// A router says that segments of more than `mss` bytes, as the one at `seq`, do not fit the path.
    fn too_big(&mut self, seq: SeqNum, mss: u16);

    /// The last ICMP error since the peer was last heard.
    fn soft_error(&self) -> Option<IcmpError>;

    /// While `stalled`, received bytes cannot be shown to the application, and so must not be
    /// acknowledged. False when the endpoint cannot do that; the script then ends.
    fn stall(&mut self, stalled: bool) -> bool {
        let _ = stalled;
        false
    }

    /// While `blocked`, the way out takes no segment. False when the endpoint cannot do that; the script then ends.
    fn block(&mut self, blocked: bool) -> bool {
        let _ = blocked;
        false
    }

    /// State of the connection.
    fn state(&self) -> State;

    /// Why it is over.
    fn ended(&self) -> Option<Ended>;

    /// The engine's counters.
    fn counters(&self) -> Counters;
}

/// `expect!(t, at 200 ms, FIN | ACK, seq 1, ack 1)`: the next segment that leaves, and when, counted from
/// the trace's zero. Without `at`: now. Fields are methods of [`Seg`].
#[macro_export]
macro_rules! expect {
    ($t:ident, at $at:literal ms, $flags:expr $(, $field:ident $value:expr)* $(,)?) => {
        $t.expect(Some($at), $crate::script::Seg::new($flags)$(.$field($value))*)
    };
    ($t:ident, $flags:expr $(, $field:ident $value:expr)* $(,)?) => {
        $t.expect(None, $crate::script::Seg::new($flags)$(.$field($value))*)
    };
}

/// `inject!(t, ACK, seq 1, ack 1001)`: a segment arrives. Fields are methods of [`Seg`].
#[macro_export]
macro_rules! inject {
    ($t:ident, $flags:expr $(, $field:ident $value:expr)* $(,)?) => {
        $t.inject($crate::script::Seg::new($flags)$(.$field($value))*)
    };
}

/// `silence!(t)`: nothing leaves now; `silence!(t, until 500 ms)`: nor until then.
#[macro_export]
macro_rules! silence {
    ($t:ident) => {
        $t.silence(None)
    };
    ($t:ident, until $at:literal ms) => {
        $t.silence(Some($at))
    };
}

/// `counted!(t, tx_segments: 3, retransmits: 2)`: what was counted since the last `counted!`, or since the
/// handshake, and nothing else.
#[macro_export]
macro_rules! counted {
    ($t:ident $(, $counter:ident: $value:expr)* $(,)?) => {
        $t.counted(&$crate::Counters { $($counter: $value,)* ..$crate::Counters::new() })
    };
}
