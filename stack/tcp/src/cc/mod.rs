//! Congestion control: how many bytes may be in the network, and how fast they may enter it.
//!
//! Loss recovery (what to send again) is elsewhere; it tells this module what happened and reads `cwnd`.
//!
//! | event | call |
//! |---|---|
//! | an ACK, or SACK blocks, reported something | [`Congestion::on_ack`], once an ACK, whatever recovery does |
//! | something is lost, recovery begins | [`Congestion::prior`], kept; then [`Congestion::on_loss`] |
//! | an ACK echoes congestion or not | [`Congestion::on_echo`]; [`Congestion::on_ecn`] once a window |
//! | all that was lost has been repaired | [`Congestion::on_recovery_exit`] |
//! | the retransmission timer ran out | [`Congestion::prior`], kept; then [`Congestion::on_timeout`] |
//! | what seemed lost was not | [`Congestion::undo`] with what was kept |
//! | the sender stopped, or was silent | [`Usage::on_sending_stopped`], [`Congestion::on_idle`] |
//!
//! An algorithm is a file here, a variant of [`CongestionControl`] and an arm in each event. While
//! recovery repairs, `cwnd` is recovery's to set ([`Congestion::set_cwnd`]: RFC 9937), unless the
//! algorithm does without such help ([`Congestion::rules_recovery`]).

mod bbr;
mod cubic;
mod dctcp;
mod highspeed;
mod hystart;
mod rate;
mod reno;
#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::{Recovery, SeqNum, WindowUse};
use bbr::Bbr;
use cubic::Cubic;
use dctcp::Dctcp;
use highspeed::HighSpeed;
use reno::Reno;

/// Which algorithm moves the congestion window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
//= rfc9293#3.8.2 MAY-18
pub enum CongestionControl {
    /// Slow start and additive increase, halving on loss (RFC 5681). T5's code point 0. Of its own time's
    /// answer to a partial ACK, to leave recovery with holes unfilled, nothing is kept: RFC 6582's is
    /// [`CongestionControl::NewReno`]'s, and so the two are the same.
    Reno,
    /// As Reno, but every loss starts over from one segment. T5's code point 1.
    Tahoe,
    /// Reno with the recovery of RFC 6582. T5's code point 2.
    #[default]
    NewReno,
    /// RFC 3649, with the recovery of RFC 6582. T5's code point 3.
    HighSpeed,
    /// RFC 9438, with the slow start of RFC 9406.
    Cubic,
    /// RFC 8257, where ECN is agreed; NewReno where it is not.
    Dctcp,
    /// BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00), paced.
    Bbr,
}

impl CongestionControl {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Reno,
        Self::Tahoe,
        Self::NewReno,
        Self::HighSpeed,
        Self::Cubic,
        Self::Dctcp,
        Self::Bbr,
    ];

    /// Its name, which [`FromStr`] takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reno => "reno",
            Self::Tahoe => "tahoe",
            Self::NewReno => "newreno",
            Self::HighSpeed => "highspeed",
            Self::Cubic => "cubic",
            Self::Dctcp => "dctcp",
            Self::Bbr => "bbr",
        }
    }

    /// Whether it is nothing without explicit congestion notification.
    pub(crate) const fn needs_ecn(self) -> bool {
        matches!(self, Self::Dctcp)
    }
}

impl fmt::Display for CongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no congestion control has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCongestionControl;

impl fmt::Display for UnknownCongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no congestion control of this name; there are")?;
        let mut separator = " ";
        for algorithm in CongestionControl::ALL {
            write!(f, "{separator}{algorithm}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl core::error::Error for UnknownCongestionControl {}

impl FromStr for CongestionControl {
    type Err = UnknownCongestionControl;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        named.ok_or(UnknownCongestionControl)
    }
}

/// Where a checkpoint's moment lies on the time line of a [`CongestionState`].
const ORIGIN: Nanos = Nanos(1 << 62);

/// Windows wider than this are of no use: T5's fields have 28 bits.
pub(crate) const CWND_MAX: u32 = (1 << 28) - 1;

/// Where the send side stands when something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) now: Nanos,
    /// Payload bytes of a full-sized segment.
    pub(crate) mss: u32,
    /// Oldest sequence number not acknowledged.
    pub(crate) una: SeqNum,
    /// One past the highest sequence number sent.
    pub(crate) max: SeqNum,
    /// Bytes sent and not acknowledged, as RFC 5681's FlightSize.
    pub(crate) flight: u32,
    /// Bytes thought to be in the network (RFC 6675 pipe).
    pub(crate) pipe: u32,
    /// Smoothed round-trip time.
    pub(crate) srtt: Option<Nanos>,
}

/// What an ACK told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckSample {
    /// After the ACK.
    pub(crate) at: Situation,
    /// Whether windows may grow by it: it moved `snd_una`, or the path is known to reorder. What SACK blocks report is
    /// then likely not to follow a loss, and there are no more ACKs of it (as Linux's tcp_may_raise_cwnd).
    pub(crate) counts: bool,
    /// Bytes that it was the first to report as arrived, in sequence or not.
    pub(crate) delivered: u32,
    /// Bytes taken for lost since the ACK before.
    pub(crate) lost: u32,
    /// Round-trip time, if it gave a sample.
    pub(crate) rtt: Option<Nanos>,
    /// When the one of `delivered` that was sent last was sent, for the delivery rate.
    pub(crate) sent_at: Option<Nanos>,
    /// Where recovery stands: in [`Recovery::Fast`] `cwnd` does not grow by ACKs.
    pub(crate) recovery: Recovery,
}

/// What a congestion event changes, as it was before: kept by recovery as long as the event may turn out
/// to have been none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prior {
    window: Window,
    cubic: Option<Cubic>,
}

impl Prior {
    /// Whether this engine could have made it.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { window: Window { cwnd, ssthresh: _ }, cubic } = self;
        (1..=CWND_MAX).contains(cwnd) && cubic.is_none_or(|cubic| cubic.is_sound())
    }

    /// With each time replaced: a moment by its age, or an age by its moment.
    pub(crate) fn with_times(self, time: impl Fn(Nanos) -> Nanos) -> Self {
        let Self { window, cubic } = self;
        Self { window, cubic: cubic.map(|cubic| cubic.with_times(time)) }
    }
}

/// What every algorithm moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    cwnd: u32,
    ssthresh: u32,
}

impl Window {
    fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Whether anything has ever set the threshold.
    //= rfc5681#3.1 RFC5681-3.1-3
    fn has_threshold(&self) -> bool {
        self.ssthresh < CWND_MAX
    }

    /// Slow start by `acked` bytes, however many (RFC 3465 with L unlimited, as Linux), but not beyond the threshold.
    /// Answers what is left of them.
    ///
    //= rfc5681#3.1 RFC5681-3.1-1 RFC5681-3.1-4
    //= rfc9293#3.8.2 MUST-19
    fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = acked.min(self.ssthresh.saturating_sub(self.cwnd));
        self.grow(grown);
        acked - grown
    }

    fn grow(&mut self, bytes: u32) {
        self.cwnd = self.cwnd.saturating_add(bytes).min(CWND_MAX);
    }

    /// A congestion event: the threshold, and with it the window, falls to `ssthresh`, but not below two
    /// segments.
    fn reduce(&mut self, ssthresh: u32, mss: u32) {
        self.ssthresh = ssthresh.max(2 * mss);
        self.cwnd = self.ssthresh;
    }
}

/// Bytes acknowledged towards the next segment by which a window grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Credit(u32);

impl Credit {
    const NONE: Self = Self(0);

    /// `acked` bytes more. Answers how many segments they, with those before, are worth at `per_segment`
    /// bytes. What was gathered at a higher price is worth no more than one.
    fn add(&mut self, acked: u32, per_segment: u32) -> u32 {
        let per_segment = per_segment.max(1);
        let mut segments = 0;
        if self.0 >= per_segment {
            self.0 = 0;
            segments = 1;
        }
        self.0 = self.0.saturating_add(acked);
        segments += self.0 / per_segment;
        self.0 %= per_segment;
        segments
    }
}

/// How far `cwnd` is used. A window that is not used proves nothing about the path, so it does not grow
/// (RFC 7661 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Whether nothing but `cwnd` stopped the sender, in the window that ends at `until`.
    limited: bool,
    /// The most that was outstanding in that window, while not limited.
    flight_max: u32,
    /// `None` when that window is over.
    until: Option<SeqNum>,
}

impl Usage {
    pub(crate) const NONE: Self = Self { limited: false, flight_max: 0, until: None };

    /// Output has nothing more to send, or may send nothing more. `cwnd` limits when it has no room for
    /// another segment, whether or not there is one.
    ///
    /// As Linux's tcp_cwnd_validate: a limit counts until all that was outstanding then is acknowledged.
    pub(crate) fn on_sending_stopped(&mut self, at: &Situation, cwnd: u32) {
        let limited = at.pipe.saturating_add(at.mss) > cwnd;
        let Self { limited: before, flight_max, until } = *self;
        let over = until.is_none_or(|until| at.una.at_or_after(until));
        if over || limited || !before && at.flight > flight_max {
            *self = Self { limited, flight_max: at.flight, until: Some(at.max) };
        }
    }

    /// In its places of a [`crate::Checkpoint`].
    pub(crate) fn checkpoint(&self) -> (bool, WindowUse) {
        let Self { limited, flight_max, until } = *self;
        (limited, WindowUse { flight_max, until })
    }

    pub(crate) fn restore(limited: bool, used: WindowUse) -> Self {
        let WindowUse { flight_max, until } = used;
        Self { limited, flight_max, until }
    }
}

/// The congestion window of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Congestion {
    algorithm: Algorithm,
    window: Window,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Algorithm {
    Reno(Reno),
    HighSpeed(HighSpeed),
    Cubic(Cubic),
    Dctcp(Dctcp),
    /// Larger than all others together, and rare.
    Bbr(Box<Bbr>),
}

impl Algorithm {
    fn new(algorithm: CongestionControl, cwnd: u32) -> Self {
        match algorithm {
            CongestionControl::Reno | CongestionControl::Tahoe | CongestionControl::NewReno => {
                Self::Reno(Reno::new(algorithm))
            }
            CongestionControl::HighSpeed => Self::HighSpeed(HighSpeed::new()),
            CongestionControl::Cubic => Self::Cubic(Cubic::new()),
            CongestionControl::Dctcp => Self::Dctcp(Dctcp::new()),
            CongestionControl::Bbr => Self::Bbr(Box::new(Bbr::new(cwnd))),
        }
    }

    fn name(&self) -> CongestionControl {
        match self {
            Self::Reno(reno) => reno.algorithm(),
            Self::HighSpeed(_) => CongestionControl::HighSpeed,
            Self::Cubic(_) => CongestionControl::Cubic,
            Self::Dctcp(_) => CongestionControl::Dctcp,
            Self::Bbr(_) => CongestionControl::Bbr,
        }
    }

    /// With each time replaced.
    fn with_times(&self, time: impl Fn(Nanos) -> Nanos + Copy) -> Self {
        match self {
            Self::Reno(reno) => Self::Reno(*reno),
            Self::HighSpeed(highspeed) => Self::HighSpeed(*highspeed),
            Self::Cubic(cubic) => Self::Cubic(cubic.with_times(time)),
            Self::Dctcp(dctcp) => Self::Dctcp(*dctcp),
            Self::Bbr(bbr) => Self::Bbr(Box::new(bbr.with_times(time))),
        }
    }
}

/// What an algorithm remembers beside `cwnd` and `ssthresh`, in a checkpoint. Times are distances from the
/// checkpoint's, which is at [`ORIGIN`]: some lie behind it and some ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CongestionState(Algorithm);

impl CongestionState {
    /// Whether `algorithm` can have come to this.
    pub(crate) fn is_of(&self, algorithm: CongestionControl) -> bool {
        self.0.name() == algorithm
            && match &self.0 {
                Algorithm::Reno(reno) => reno.is_sound(),
                Algorithm::HighSpeed(_) => true,
                Algorithm::Cubic(cubic) => cubic.is_sound(),
                Algorithm::Dctcp(dctcp) => dctcp.is_sound(),
                Algorithm::Bbr(bbr) => bbr.is_sound(ORIGIN),
            }
    }
}

impl Congestion {
    //= rfc6928#2
    pub(crate) fn new(algorithm: CongestionControl, mss: u32, segments: u8) -> Self {
        let cwnd = u32::from(segments.max(1)) * mss;
        Self {
            algorithm: Algorithm::new(algorithm, cwnd),
            window: Window { cwnd, ssthresh: CWND_MAX },
        }
    }

    pub(crate) fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    pub(crate) fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    /// For recovery, which shapes the window while it repairs (RFC 9937).
    pub(crate) fn set_cwnd(&mut self, cwnd: u32) {
        self.window.cwnd = cwnd.clamp(1, CWND_MAX);
    }

    /// Whether `cwnd` is the algorithm's own during recovery too.
    pub(crate) fn rules_recovery(&self) -> bool {
        matches!(self.algorithm(), CongestionControl::Tahoe | CongestionControl::Bbr)
    }

    pub(crate) fn algorithm(&self) -> CongestionControl {
        self.algorithm.name()
    }

    /// Whether the window was used so far that ACKs may raise it: wholly, or in slow start by half.
    //= rfc9438#5.8 RFC9438-5.8-1
    fn is_used(&self, used: &Usage) -> bool {
        let half = self.window.in_slow_start() && self.window.cwnd / 2 < used.flight_max;
        used.limited || half
    }

    /// An ACK reported something as arrived; so far the window was `used`.
    pub(crate) fn on_ack(&mut self, ack: &AckSample, used: &Usage) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            return bbr.on_ack(&mut self.window, ack);
        }
        let repairing = ack.recovery == Recovery::Fast && !self.rules_recovery();
        if !ack.counts || repairing || !self.is_used(used) {
            return;
        }
        let window = &mut self.window;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_ack(window, ack),
            Algorithm::HighSpeed(highspeed) => highspeed.on_ack(window, ack),
            Algorithm::Cubic(cubic) => cubic.on_ack(window, ack),
            Algorithm::Dctcp(dctcp) => dctcp.on_ack(window, ack),
            Algorithm::Bbr(bbr) => bbr.on_ack(window, ack),
        }
    }

    /// The handshake gave a round-trip time.
    pub(crate) fn on_rtt_known(&mut self, srtt: Nanos) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_rtt_known(srtt);
        }
    }

    /// A segment of `bytes` leaves, for the first time or again; `flight` were outstanding before it.
    pub(crate) fn on_sent(&mut self, now: Nanos, bytes: u32, flight: u32) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_sent(now, bytes, flight);
        }
    }

    /// Whether segments are paced.
    pub(crate) fn paces(&self) -> bool {
        matches!(self.algorithm, Algorithm::Bbr(_))
    }

    /// There is room, and nothing to send.
    pub(crate) fn on_app_limited(&mut self, pipe: u32) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_app_limited(pipe);
        }
    }

    /// Until when nothing may leave, for the sake of the pace; `None` when it may now.
    pub(crate) fn holds_until(&self, now: Nanos, mss: u32) -> Option<Nanos> {
        match &self.algorithm {
            Algorithm::Bbr(bbr) => bbr.holds_until(now, mss),
            _ => None,
        }
    }

    /// Whether something waits for its time to leave.
    pub(crate) fn set_waiting(&mut self, waiting: bool) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.waiting = waiting;
        }
    }

    /// When what waits may leave.
    pub(crate) fn departure(&self) -> Option<Nanos> {
        match &self.algorithm {
            Algorithm::Bbr(bbr) => bbr.departure().filter(|_| bbr.waiting),
            _ => None,
        }
    }

    /// Bytes per second at which segments leave, if they are paced.
    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        match &self.algorithm {
            Algorithm::Bbr(bbr) => Some(bbr.pacing_rate()),
            _ => None,
        }
    }

    /// Something is lost, and recovery begins.
    pub(crate) fn on_loss(&mut self, at: &Situation) {
        let window = &mut self.window;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_loss(window, at),
            Algorithm::HighSpeed(highspeed) => highspeed.on_loss(window, at),
            Algorithm::Cubic(cubic) => cubic.on_loss(window, at),
            Algorithm::Dctcp(dctcp) => dctcp.on_loss(window, at),
            Algorithm::Bbr(bbr) => bbr.on_loss(window, at),
        }
    }

    /// The ACK of `acked` bytes echoes congestion, or not.
    pub(crate) fn on_echo(&mut self, at: &Situation, acked: u32, echoes: bool) {
        if let Algorithm::Dctcp(dctcp) = &mut self.algorithm {
            dctcp.on_echo(at, acked, echoes);
        }
    }

    /// An echo of congestion, the first in its window: for most as if something were lost. It is `cwnd` that
    /// RFC 3168 halves, not what is outstanding.
    ///
    //= rfc3168#6.1.2
    //= rfc9438#4.6 RFC9438-4.6-3
    pub(crate) fn on_ecn(&mut self, at: &Situation) {
        let window = &mut self.window;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_ecn(window, at),
            Algorithm::HighSpeed(highspeed) => {
                highspeed.on_loss(window, &Situation { flight: window.cwnd, ..*at });
            }
            Algorithm::Cubic(cubic) => cubic.on_loss(window, at),
            Algorithm::Dctcp(dctcp) => dctcp.on_ecn(window, at),
            Algorithm::Bbr(_) => {}
        }
    }

    /// All that was outstanding when recovery began is acknowledged.
    ///
    //= rfc6582#3.2 RFC6582-3.2-4
    //= rfc9937#4
    //= rfc9937#6.4 RFC9937-6.4-1
    pub(crate) fn on_recovery_exit(&mut self, _at: &Situation) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_recovery_exit(&mut self.window);
        } else if !self.rules_recovery() {
            self.window.cwnd = self.window.ssthresh;
        }
    }

    /// The retransmission timer ran out; `again` when nothing came through since it last did.
    pub(crate) fn on_timeout(&mut self, at: &Situation, again: bool) {
        let window = &mut self.window;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_timeout(window, at, again),
            Algorithm::HighSpeed(highspeed) => highspeed.on_timeout(window, at, again),
            Algorithm::Cubic(cubic) => cubic.on_timeout(window, at, again),
            Algorithm::Dctcp(dctcp) => dctcp.on_timeout(window, at, again),
            Algorithm::Bbr(bbr) => bbr.on_timeout(window, at),
        }
    }

    /// What an event will change, to be kept until it is certain.
    pub(crate) fn prior(&self) -> Prior {
        let cubic = match &self.algorithm {
            Algorithm::Cubic(cubic) => Some(*cubic),
            _ => None,
        };
        Prior { window: self.window, cubic }
    }

    /// Nothing was lost after all.
    ///
    //= rfc4015#3 RFC4015-3-1
    //= rfc9438#4.9 RFC9438-4.9-1
    pub(crate) fn undo(&mut self, prior: &Prior) {
        let Prior { window: Window { cwnd, ssthresh }, cubic } = *prior;
        if self.window.cwnd < cwnd {
            self.window.cwnd = cwnd;
            if let (Algorithm::Cubic(now), Some(before)) = (&mut self.algorithm, cubic) {
                *now = before;
            }
        }
        self.window.ssthresh = self.window.ssthresh.max(ssthresh);
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_undo();
        }
    }

    /// What is to be sent now is the first after `silence`, in which nothing was outstanding.
    pub(crate) fn on_transmit_start(&mut self, now: Nanos, silence: Nanos) {
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.on_transmit_start(now, silence),
            Algorithm::Reno(_)
            | Algorithm::HighSpeed(_)
            | Algorithm::Dctcp(_)
            | Algorithm::Bbr(_) => {}
        }
    }

    /// Nothing was sent for `idle`, longer than the retransmission timeout `rto`; what is to be sent now
    /// finds the network as it has become meanwhile.
    ///
    //= rfc5681#4.1 RFC5681-4.1-1
    /// As in Linux `cwnd` is halved for each timeout that went by, until it is the initial window (RFC 2861), which RFC 5681
    /// asks for after the first; the threshold remembers three quarters of it (RFC 7661 4.4.1).
    pub(crate) fn on_idle(&mut self, at: &Situation, idle: Nanos, rto: Nanos, segments: u8) {
        if let Algorithm::Bbr(_) = self.algorithm {
            // Its model says what the path takes, and how old that is.
            return;
        }
        let Window { cwnd, ssthresh } = self.window;
        let restart = cwnd.min(u32::from(segments.max(1)) * at.mss);
        let halvings = (idle.0 / rto.0.max(1)).min(31) as u32;
        self.window.ssthresh = ssthresh.max(cwnd - cwnd / 4);
        self.window.cwnd = (cwnd >> halvings).max(restart);
    }

    /// What travels, each in its place of a [`crate::Checkpoint`].
    pub(crate) fn checkpoint(&self, now: Nanos) -> CongestionParts {
        let Self { algorithm, window: Window { cwnd, ssthresh } } = self;
        let credit = match algorithm {
            Algorithm::Reno(reno) => reno.credit(),
            _ => 0,
        };
        CongestionParts {
            algorithm: algorithm.name(),
            state: Some(CongestionState(algorithm.with_times(|at| (at + ORIGIN) - now))),
            cwnd: *cwnd,
            ssthresh: *ssthresh,
            credit,
        }
    }

    /// Goes on where another connection stood. A window below a segment lets
    /// one out when nothing is in flight, so that even a nonsensical one recovers.
    pub(crate) fn restore(parts: CongestionParts, now: Nanos) -> Self {
        let CongestionParts { algorithm, state, cwnd, ssthresh, credit } = parts;
        let window =
            Window { cwnd: cwnd.clamp(1, CWND_MAX), ssthresh: ssthresh.clamp(1, CWND_MAX) };
        let mut algorithm = match state {
            Some(CongestionState(state)) => state.with_times(|at| (at + now) - ORIGIN),
            None => Algorithm::new(algorithm, window.cwnd),
        };
        if let Algorithm::Reno(reno) = &mut algorithm {
            reno.set_credit(credit);
        }
        Self { algorithm, window }
    }
}

/// [`Congestion`] as the fields of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CongestionParts {
    pub(crate) algorithm: CongestionControl,
    pub(crate) state: Option<CongestionState>,
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    pub(crate) credit: u32,
}
