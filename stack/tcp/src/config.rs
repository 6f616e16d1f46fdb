//! What an owner decides: once for all its connections ([`Config`]), and per connection ([`Open`]).

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::flight::Spares;
use crate::{CongestionControl, Counters, MtuProbing, SeqNum};

/// What all connections of one owner share: settings, the counters they add to, and memory for those that are
/// not idle.
///
/// One writer each: an lcore, or a pipeline of the software ASIC.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    /// Settings. Changes count from the next call on.
    pub config: Config,
    /// What happened so far.
    pub counters: Counters,
    pub(crate) flights: Spares,
}

impl Engine {
    /// An engine with these settings and all counters at zero.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, counters: Counters::new(), flights: Spares::default() }
    }
}

/// Settings that hold for all connections of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The clock that TSval is read from.
    pub ts_clock: TsClock,
    /// Retransmission timeout before the first RTT sample (RFC 6298 2.1: 1 s).
    pub rto_initial: Nanos,
    /// Least retransmission timeout. RFC 6298 2.4 says 1 s; 200 ms is what Linux does, on purpose.
    pub rto_min: Nanos,
    /// What it is more than the round-trip time, at least. Linux's minimum is this one: a delayed ACK
    /// then costs no retransmission, however long the way is.
    pub rto_variation_min: Nanos,
    /// Greatest retransmission timeout, also of probes (RFC 6298 2.5: at least 60 s).
    pub rto_max: Nanos,
    /// Retransmissions of a SYN before an active open gives up (RFC 9293 MUST-23: 3 minutes in all).
    pub syn_retransmits_max: u8,
    /// Retransmissions of a SYN,ACK before a passive open gives up.
    pub syn_ack_retransmits_max: u8,
    /// Retransmissions of the same bytes after which [`crate::Events::NEGATIVE_ADVICE`] is given: R1 of RFC 9293
    /// 3.8.3, at least 3.
    pub retransmits_advice: u8,
    /// Retransmissions of the same bytes, or unanswered window probes, before a connection gives up: R2 of RFC
    /// 9293 3.8.3, which should be 100 s at least. With 15 and [`Config::rto_min`] it is 460 s.
    pub retransmits_max: u8,
    /// How long an ACK may be delayed (RFC 9293 MUST-40: below 500 ms).
    pub delayed_ack: Nanos,
    /// ACKs that a peer which begins, or begins anew, gets at once before any is delayed (Linux: 16; 0: none).
    /// With some the delay follows the peer's rhythm, between 40 and 200 ms, and [`Config::delayed_ack`]
    /// means nothing.
    pub quick_acks: u8,
    /// Segments at least that go out as one piece, whose end PSH marks ([`Then`](crate::Then) aside); as Linux's
    /// tcp_min_tso_segs.
    pub piece_segments_min: u8,
    /// Whether a segment without timestamp is dropped where both sides offered them (RFC 7323 3.2). Linux takes it:
    /// there are boxes on the way that cut options off.
    pub timestamps_required: bool,
    /// Keepalive timing, for connections that have it switched on.
    pub keepalive: Keepalive,
    /// What becomes of a connection that reaches TIME-WAIT.
    pub time_wait: TimeWait,
    /// How long to wait for the peer's FIN after it acknowledged ours; `None` for ever.
    pub fin_wait2: Option<Nanos>,
    /// Challenge ACKs and answers to unacceptable segments without payload that one connection sends
    /// within a second (RFC 5961 section 7).
    pub challenge_acks_per_second: u8,
    /// Initial congestion window in segments (RFC 6928: 10).
    pub initial_window_segments: u8,
    /// Whether the congestion window comes down to the initial one while nothing is sent (RFC 5681 4.1; Linux's
    /// tcp_slow_start_after_idle).
    pub slow_start_after_idle: bool,
    /// Whether to send a tail loss probe before the retransmission timer runs out (RFC 8985 7).
    pub tail_loss_probe: bool,
    /// What is added to the deadlines of tail loss probes and of overtaken segments: clocks and wakes are
    /// coarse, at both ends. As Linux's TCP_TIMEOUT_MIN.
    pub timer_slack: Nanos,
    /// Whether to look for spurious timeouts (RFC 5682).
    pub frto: bool,
    /// Whether the retransmission timer of a flight of few segments counts from the oldest one's
    /// transmission rather than from the last ACK (RFC 7765).
    pub rto_restart: bool,
    /// Whether other segment sizes are tried than those that the path is said to carry.
    pub mtu_probing: MtuProbing,
    /// Segment size that a search begins with (Linux's tcp_base_mss; RFC 4821 7.2).
    pub mtu_probe_base: u16,
    /// How long after a search has ended the next one begins.
    pub mtu_probe_interval: Nanos,
    /// Ranges of bytes held beyond a gap, per connection, at most. T5 keeps 4.
    pub held_ranges_max: usize,
    /// Records of segments in flight, per connection, at most; beyond it neighbours share one.
    pub sent_records_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ts_clock: TsClock::default(),
            rto_initial: Nanos::from_secs(1),
            rto_min: Nanos::from_millis(200),
            rto_variation_min: Nanos::from_millis(200),
            rto_max: Nanos::from_secs(60),
            //= rfc9293#3.8.3 MUST-23
            syn_retransmits_max: 7,
            syn_ack_retransmits_max: 5,
            //= rfc9293#3.8.3 SHLD-10
            retransmits_advice: 3,
            //= rfc9293#3.8.3 SHLD-11
            retransmits_max: 15,
            //= rfc9293#3.8.6.3 MUST-40
            delayed_ack: Nanos::from_millis(40),
            quick_acks: 0,
            piece_segments_min: 2,
            timestamps_required: true,
            keepalive: Keepalive::default(),
            time_wait: TimeWait::Keep(Nanos::from_secs(60)),
            fin_wait2: None,
            challenge_acks_per_second: 10,
            //= rfc6928#2 RFC6928-2-1
            initial_window_segments: 10,
            slow_start_after_idle: true,
            tail_loss_probe: true,
            timer_slack: Nanos::from_millis(2),
            frto: true,
            rto_restart: true,
            mtu_probing: MtuProbing::default(),
            mtu_probe_base: 1024,
            mtu_probe_interval: Nanos::from_secs(600),
            held_ranges_max: 64,
            sent_records_max: 4096,
        }
    }
}

/// Keepalive timing (RFC 9293 3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
//= rfc9293#3.8.4 MUST-27
pub struct Keepalive {
    /// Silence before the first probe (MUST-28: at least two hours by default).
    pub idle: Nanos,
    /// Time between probes.
    pub interval: Nanos,
    /// Unanswered probes before the connection is given up.
    pub probes_max: u8,
}

impl Default for Keepalive {
    fn default() -> Self {
        //= rfc9293#3.8.4 MUST-28
        Self { idle: Nanos::from_secs(7200), interval: Nanos::from_secs(75), probes_max: 9 }
    }
}

/// Who keeps TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeWait {
    /// The connection, for this long (2 MSL).
    Keep(Nanos),
    /// The owner: the connection is [`crate::State::Closed`] at entry, with its last ACK still to be
    /// taken from [`crate::Connection::poll_output`].
    Owner,
}

/// The clock behind TSval: `ticks(now) = (now + epoch) / tick`, modulo 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TsClock {
    /// What the clock showed, in time, at the caller's origin.
    pub epoch: Nanos,
    /// Length of a tick; RFC 7323 5.4: between 1 ms and 1 s. Not zero.
    pub tick: Nanos,
}

impl Default for TsClock {
    fn default() -> Self {
        //= rfc7323#5.4 RFC7323-5.4-1
        Self { epoch: Nanos::ZERO, tick: Nanos::from_millis(1) }
    }
}

/// What clocks of timestamps usually count.
const MILLISECOND: Nanos = Nanos::from_millis(1);

impl TsClock {
    /// The clock at `now`.
    #[must_use]
    #[inline]
    pub const fn ticks(&self, now: Nanos) -> u32 {
        let since = now.0.wrapping_add(self.epoch.0);
        match self.tick {
            // By a number that the compiler knows: a division by another takes as long as a segment's checksum.
            MILLISECOND => (since / MILLISECOND.0) as u32,
            Nanos(tick) => (since / tick) as u32,
        }
    }
}

/// What an owner asks for when it opens a connection.
///
/// Each option comes into force only when the peer agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// Initial sequence number, see [`crate::isn::generate`].
    pub iss: SeqNum,
    /// Largest segment that may be received and sent, in bytes without TCP and IP headers: MTU − 40 for
    /// IPv4. It is announced as it is; what the peer announces may lower what is sent.
    pub mss: u16,
    /// Receive window in bytes: the room that the owner has for received bytes, held ones included.
    pub rcv_wnd: u32,
    /// Shift of the windows that we advertise (at most 14), or `None` to offer no window scaling. Windows
    /// are rounded down to its unit: 2^shift of no more than half of `rcv_wnd` lets them open at all.
    pub window_scale: Option<u8>,
    /// Whether to offer timestamps.
    pub timestamps: bool,
    /// What is added to the clock to make TSval.
    pub ts_offset: u32,
    /// Whether to offer selective acknowledgments.
    pub sack: bool,
    /// Congestion control. What needs ECN asks for it, whatever `ecn` says.
    pub congestion: CongestionControl,
    /// Explicit congestion notification.
    pub ecn: EcnMode,
    /// Settings that can be changed later.
    pub switches: Switches,
}

/// When explicit congestion notification is used (Linux's tcp_ecn).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnMode {
    /// Never (0).
    Off,
    /// When a peer that opens asks for it (2).
    #[default]
    OnRequest,
    /// Also asked for by our own SYN (1).
    On,
}

/// Per-connection behaviour that an owner may change at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// Hold back a small segment while another is in flight (RFC 9293 SHLD-7).
    pub nagle: bool,
    /// Hold back every segment of payload that is not full, in flight or not, until this is switched off or
    /// the owner closes.
    pub cork: bool,
    /// Acknowledge every second segment, or after [`Config::delayed_ack`], rather than each at once.
    pub delayed_ack: bool,
    //= rfc9293#3.8.4 MUST-24
    /// Probe an idle peer.
    pub keepalive: bool,
    /// Send no payload or FIN that was not sent before.
    pub tx_quiesce: bool,
}

impl Default for Switches {
    fn default() -> Self {
        //= rfc9293#3.8.4 MUST-25
        Self { nagle: true, cork: false, delayed_ack: true, keepalive: false, tx_quiesce: false }
    }
}
