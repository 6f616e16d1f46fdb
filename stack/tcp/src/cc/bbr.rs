//! BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00): the window and the pace follow a model of
//! the path, its bottleneck's rate and its round trip without queues. Losses do not.
//!
//! ```text
//!  Startup ──rate stops growing──► Drain ──queue is empty──► ProbeBw ◄─────┐
//!     ▲ 2.885                       1/2.885                  5/4 3/4 1 1 … │
//!     └──────────── not filled yet ──── ProbeRtt, every 10 s ── filled ────┘
//!                                       4 segments for 200 ms
//! ```
//!
//! ECN is not read. Of Linux's additions to the draft none is here (policer detection, ACK aggregation).

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use super::rate::Sampler;
use super::{AckSample, CWND_MAX, Situation, Window};
use crate::Recovery;

/// Gains are in units of 1/1000.
const UNIT: u64 = 1000;
/// BBRHighGain, 2/ln 2: the least that doubles the rate each round trip.
const HIGH_GAIN: u64 = 2885;
const DRAIN_GAIN: u64 = UNIT * UNIT / HIGH_GAIN;
const CWND_GAIN: u64 = 2 * UNIT;
/// The cycle of ProbeBw.
const CYCLE: [u64; 8] = [1250, 750, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];
/// As Linux: what is paced a hundredth slower than the bottleneck leaves no queue behind.
const PACING_MARGIN: u64 = 990;
/// Rounds over which the rate's maximum is taken.
const RATE_ROUNDS: u64 = 10;
/// How long a round-trip time counts as the least.
const RTPROP_FILTER: Nanos = Nanos::from_secs(10);
const PROBE_RTT_TIME: Nanos = Nanos::from_millis(200);
/// BBRMinPipeCwnd.
const MIN_PIPE_SEGMENTS: u32 = 4;
/// Rounds without a quarter of growth after which the pipe is full.
const FULL_ROUNDS: u8 = 3;
/// Round trip that the first rate is made of before there is a sample.
const RTT_GUESS: Nanos = Nanos::from_millis(1);

/// Bytes per second: a pace below which a path is not told from one that is cut.
const PACING_MIN: u64 = 1_000;
/// More rounds than any connection sees.
const ROUNDS_MAX: u64 = 1 << 60;
/// A segment never waits longer for its departure.
const AHEAD_MAX: Nanos = Nanos::from_secs(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Mode {
    Startup,
    Drain,
    ProbeBw {
        /// Place in [`CYCLE`].
        phase: u8,
        /// When it began.
        since: Nanos,
    },
    ProbeRtt {
        /// When it may end, once so little is in flight.
        until: Option<Nanos>,
        /// A round trip has passed since.
        round_done: bool,
    },
}

/// The model, and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bbr {
    mode: Mode,
    sampler: Sampler,
    /// BtlBw.
    rates: MaxRate,
    round: u64,
    /// A round ends when what was sent at so many bytes delivered arrives.
    next_round_delivered: u64,
    /// RTprop, and when it was measured.
    rtprop: Option<(Nanos, Nanos)>,
    /// BBR.full_bw, and rounds since it last grew.
    full_rate: u64,
    full_rounds: u8,
    filled: bool,
    /// Bytes per second.
    pacing_rate: u64,
    /// Whether `pacing_rate` is made of a round trip that was measured.
    has_rtt: bool,
    initial_cwnd: u32,
    /// The window before recovery or ProbeRtt.
    prior_cwnd: u32,
    /// Recovery goes on; in its first round what leaves is no more than what arrives.
    in_recovery: bool,
    conserving: bool,
    /// Sending began again after silence; the round trip is about to be measured anyway.
    idle_restart: bool,
    /// When the next segment may leave; `None` before the first.
    departure: Option<Nanos>,
    /// Something waits for that.
    pub(super) waiting: bool,
}

impl Bbr {
    pub(super) fn new(cwnd: u32) -> Self {
        let nominal = rate_of(cwnd, RTT_GUESS);
        Self {
            mode: Mode::Startup,
            sampler: Sampler::new(),
            rates: MaxRate::default(),
            round: 0,
            next_round_delivered: 0,
            rtprop: None,
            full_rate: 0,
            full_rounds: 0,
            filled: false,
            pacing_rate: nominal.saturating_mul(HIGH_GAIN) / UNIT,
            has_rtt: false,
            initial_cwnd: cwnd,
            prior_cwnd: 0,
            in_recovery: false,
            conserving: false,
            idle_restart: false,
            departure: None,
            waiting: false,
        }
    }

    fn bottleneck_rate(&self) -> u64 {
        self.rates.greatest()
    }

    fn pacing_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup => HIGH_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBw { phase, .. } => CYCLE[usize::from(phase) % CYCLE.len()],
            Mode::ProbeRtt { .. } => UNIT,
        }
    }

    fn cwnd_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup | Mode::Drain => HIGH_GAIN,
            Mode::ProbeBw { .. } => CWND_GAIN,
            Mode::ProbeRtt { .. } => UNIT,
        }
    }

    /// What leaves at once at most: a millisecond's worth, so that timers can keep up.
    fn send_quantum(&self, mss: u32) -> u32 {
        match self.pacing_rate {
            rate if rate < 150_000 => mss,
            rate if rate < 3_000_000 => 2 * mss,
            rate => (rate / 1000).min(64 * 1024) as u32,
        }
    }

    /// BBRInflight: what keeps the pipe as full as `gain` says.
    fn inflight(&self, gain: u64, mss: u32) -> u32 {
        let Some((rtprop, _)) = self.rtprop else { return self.initial_cwnd };
        let bdp = u128::from(self.bottleneck_rate()) * u128::from(rtprop.0) / 1_000_000_000;
        let bytes = bdp * u128::from(gain) / u128::from(UNIT);
        let bytes = bytes.min(u128::from(CWND_MAX)) as u32;
        bytes.saturating_add(3 * self.send_quantum(mss))
    }

    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        let at = &ack.at;
        let min_rtt = self.rtprop.map_or(Nanos::ZERO, |(rtt, _)| rtt);
        let sample = self.sampler.on_ack(at, ack.delivered, ack.sent_at, min_rtt);
        let mut round_start = false;
        let mut app_limited = self.sampler.is_app_limited();
        if let Some(sample) = sample {
            round_start = self.update_round(sample.prior_delivered);
            app_limited = sample.app_limited;
            if let Some(rate) = sample.rate
                && (rate >= self.bottleneck_rate() || !sample.app_limited)
            {
                self.rates.add(self.round, rate);
            }
        }
        let before = at.pipe.saturating_add(ack.delivered).saturating_add(ack.lost);
        self.check_cycle(at, before, ack.lost > 0);
        if round_start && !app_limited {
            self.check_full_pipe();
        }
        self.check_drain(at);
        let expired = self.update_rtprop(at.now, ack.rtt);
        self.check_probe_rtt(window, at, expired, round_start);
        self.set_pacing_rate(at);
        self.set_cwnd(window, ack, round_start);
    }

    fn update_round(&mut self, prior_delivered: u64) -> bool {
        if prior_delivered < self.next_round_delivered {
            return false;
        }
        self.next_round_delivered = self.sampler.delivered();
        self.round += 1;
        true
    }

    fn check_cycle(&mut self, at: &Situation, before: u32, lost: bool) {
        let Mode::ProbeBw { phase, since } = self.mode else { return };
        let rtprop = self.rtprop.map_or(Nanos::ZERO, |(rtt, _)| rtt);
        let long = at.now - since > rtprop;
        let gain = self.pacing_gain();
        let next = if gain > UNIT {
            // Until the queue is there that shows whether there is more.
            long && (lost || before >= self.inflight(gain, at.mss))
        } else if gain < UNIT {
            // Until it is gone.
            long || before <= self.inflight(UNIT, at.mss)
        } else {
            long
        };
        if next {
            self.mode = Mode::ProbeBw { phase: (phase + 1) % CYCLE.len() as u8, since: at.now };
        }
    }

    fn check_full_pipe(&mut self) {
        if self.filled {
            return;
        }
        let rate = self.bottleneck_rate();
        if rate >= self.full_rate.saturating_mul(5) / 4 {
            (self.full_rate, self.full_rounds) = (rate, 0);
            return;
        }
        self.full_rounds += 1;
        self.filled = self.full_rounds >= FULL_ROUNDS;
    }

    fn check_drain(&mut self, at: &Situation) {
        if self.mode == Mode::Startup && self.filled {
            self.mode = Mode::Drain;
        }
        if self.mode == Mode::Drain && at.pipe <= self.inflight(UNIT, at.mss) {
            self.enter_probe_bw(at);
        }
    }

    /// Any phase but the one that drains is a good beginning; flows had better not begin alike. Our sequence
    /// numbers are as good as random for that.
    fn enter_probe_bw(&mut self, at: &Situation) {
        let drawn = (at.max.0 % 7) as u8;
        let phase = if drawn == 0 { 0 } else { drawn + 1 };
        self.mode = Mode::ProbeBw { phase, since: at.now };
    }

    /// Answers whether the last measurement of the least round trip is too old.
    fn update_rtprop(&mut self, now: Nanos, rtt: Option<Nanos>) -> bool {
        let expired = self.rtprop.is_some_and(|(_, since)| now - since > RTPROP_FILTER);
        if let Some(rtt) = rtt
            && self.rtprop.is_none_or(|(least, _)| rtt <= least || expired)
        {
            self.rtprop = Some((rtt, now));
        }
        expired
    }

    fn check_probe_rtt(
        &mut self,
        window: &mut Window,
        at: &Situation,
        expired: bool,
        round_start: bool,
    ) {
        let probing = matches!(self.mode, Mode::ProbeRtt { .. });
        if !probing && expired && !self.idle_restart {
            self.save_cwnd(window);
            self.mode = Mode::ProbeRtt { until: None, round_done: false };
        }
        if let Mode::ProbeRtt { until, round_done } = &mut self.mode {
            self.sampler.on_app_limited(at.pipe);
            match until {
                None if at.pipe <= MIN_PIPE_SEGMENTS * at.mss => {
                    *until = Some(at.now + PROBE_RTT_TIME);
                    self.next_round_delivered = self.sampler.delivered();
                }
                None => {}
                Some(end) => {
                    *round_done |= round_start;
                    if *round_done && at.now > *end {
                        self.end_probe_rtt(window, at);
                    }
                }
            }
        }
        self.idle_restart = false;
    }

    fn end_probe_rtt(&mut self, window: &mut Window, at: &Situation) {
        if let Some((_, since)) = &mut self.rtprop {
            *since = at.now;
        }
        window.cwnd = window.cwnd.max(self.prior_cwnd);
        if self.filled {
            self.enter_probe_bw(at);
        } else {
            self.mode = Mode::Startup;
        }
    }

    fn set_pacing_rate(&mut self, at: &Situation) {
        if !self.has_rtt
            && let Some(srtt) = at.srtt
        {
            self.on_rtt_known(srtt);
        }
        let rate = u128::from(self.bottleneck_rate()) * u128::from(self.pacing_gain());
        let rate = (rate * u128::from(PACING_MARGIN) / u128::from(UNIT * UNIT)) as u64;
        if rate > 0 && (self.filled || rate > self.pacing_rate) {
            self.pacing_rate = rate.max(PACING_MIN);
        }
    }

    fn set_cwnd(&mut self, window: &mut Window, ack: &AckSample, round_start: bool) {
        let (mss, delivered) = (ack.at.mss, ack.delivered);
        if self.in_recovery && ack.recovery == Recovery::Open {
            self.leave_recovery(window);
        }
        self.conserving &= !round_start;
        if ack.lost > 0 {
            window.cwnd = window.cwnd.saturating_sub(ack.lost).max(mss);
        }
        if self.conserving {
            window.cwnd = window.cwnd.max(ack.at.pipe.saturating_add(delivered));
        } else {
            let target = self.inflight(self.cwnd_gain(), mss);
            if self.filled {
                window.cwnd = window.cwnd.saturating_add(delivered).min(target);
            } else if window.cwnd < target
                || self.sampler.delivered() < u64::from(self.initial_cwnd)
            {
                window.grow(delivered);
            }
            window.cwnd = window.cwnd.max(MIN_PIPE_SEGMENTS * mss);
        }
        if matches!(self.mode, Mode::ProbeRtt { .. }) {
            window.cwnd = window.cwnd.min(MIN_PIPE_SEGMENTS * mss);
        }
        window.cwnd = window.cwnd.min(CWND_MAX);
    }

    fn save_cwnd(&mut self, window: &Window) {
        let shrunk = self.in_recovery || matches!(self.mode, Mode::ProbeRtt { .. });
        self.prior_cwnd = if shrunk { self.prior_cwnd.max(window.cwnd) } else { window.cwnd };
    }

    fn leave_recovery(&mut self, window: &mut Window) {
        (self.in_recovery, self.conserving) = (false, false);
        window.cwnd = window.cwnd.max(self.prior_cwnd);
    }

    /// Fast recovery begins: for a round trip what leaves is what arrives.
    pub(super) fn on_loss(&mut self, window: &mut Window, at: &Situation) {
        self.save_cwnd(window);
        window.cwnd = at.pipe.saturating_add(at.mss).min(CWND_MAX);
        (self.in_recovery, self.conserving) = (true, true);
        self.next_round_delivered = self.sampler.delivered();
    }

    pub(super) fn on_recovery_exit(&mut self, window: &mut Window) {
        if self.in_recovery {
            self.leave_recovery(window);
        }
    }

    pub(super) fn on_timeout(&mut self, window: &mut Window, at: &Situation) {
        self.save_cwnd(window);
        window.cwnd = at.mss;
        (self.in_recovery, self.conserving) = (true, false);
    }

    /// What was lost was not: what it said of the pipe is void.
    pub(super) fn on_undo(&mut self) {
        (self.full_rate, self.full_rounds) = (0, 0);
        (self.in_recovery, self.conserving) = (false, false);
    }

    /// There was room, and nothing to send.
    pub(super) fn on_app_limited(&mut self, pipe: u32) {
        self.sampler.on_app_limited(pipe);
    }

    /// `bytes` leave; before them `pipe` were in the network.
    pub(super) fn on_sent(&mut self, now: Nanos, bytes: u32, pipe: u32) {
        if pipe == 0 && self.sampler.is_app_limited() {
            self.idle_restart = true;
            if let Mode::ProbeBw { .. } = self.mode {
                let rate = u128::from(self.bottleneck_rate()) * u128::from(PACING_MARGIN);
                self.pacing_rate = ((rate / u128::from(UNIT)) as u64).max(PACING_MIN);
            }
        }
        self.sampler.on_sent(now, pipe == 0);
        let takes = time_of(bytes, self.pacing_rate);
        // What left late may be followed a little sooner, or the rate would never be reached.
        let due = self.departure.unwrap_or(now);
        let late = (now - due).min(Nanos(takes.0 / 2));
        self.departure = Some(due.max(now) + (takes - late));
    }

    /// When the next segment may leave, unless it may now. What waited leaves together, a quantum at a time.
    pub(super) fn holds_until(&self, now: Nanos, mss: u32) -> Option<Nanos> {
        let burst = self.send_quantum(mss).saturating_sub(mss);
        let slack = time_of(burst, self.pacing_rate);
        self.departure.filter(|at| *at > now + slack)
    }

    /// The handshake's round trip: what the first rate is made of.
    pub(super) fn on_rtt_known(&mut self, srtt: Nanos) {
        self.has_rtt = true;
        let nominal = rate_of(self.initial_cwnd, srtt).saturating_mul(HIGH_GAIN) / UNIT;
        self.pacing_rate = nominal.max(PACING_MIN);
    }

    pub(super) fn departure(&self) -> Option<Nanos> {
        self.departure
    }

    pub(super) fn pacing_rate(&self) -> u64 {
        self.pacing_rate
    }

    /// Whether a connection can have come to this, at the time `now` of a checkpoint.
    pub(super) fn is_sound(&self, now: Nanos) -> bool {
        let phase = match self.mode {
            Mode::ProbeBw { phase, .. } => usize::from(phase),
            _ => 0,
        };
        phase < CYCLE.len()
            && self.sampler.is_sound(now)
            && self.rates.is_sound(self.round)
            && self.round < ROUNDS_MAX
            && self.next_round_delivered <= self.sampler.delivered()
            && self.full_rounds <= FULL_ROUNDS
            && (1..=CWND_MAX).contains(&self.initial_cwnd)
            && self.pacing_rate >= PACING_MIN
            && self.prior_cwnd <= CWND_MAX
            && self.departure.is_none_or(|at| at <= now + AHEAD_MAX)
    }

    /// With each time replaced.
    pub(super) fn with_times(&self, time: impl Fn(Nanos) -> Nanos + Copy) -> Self {
        let mode = match self.mode {
            Mode::ProbeBw { phase, since } => Mode::ProbeBw { phase, since: time(since) },
            Mode::ProbeRtt { until, round_done } => {
                Mode::ProbeRtt { until: until.map(time), round_done }
            }
            mode @ (Mode::Startup | Mode::Drain) => mode,
        };
        Self {
            mode,
            sampler: self.sampler.with_times(time),
            rtprop: self.rtprop.map(|(rtt, since)| (rtt, time(since))),
            departure: self.departure.map(time),
            ..self.clone()
        }
    }
}

/// The greatest rate of the last [`RATE_ROUNDS`] rounds, by the three that matter: the greatest, the greatest
/// since, and the greatest since that. Without new rates the old ones stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MaxRate([(u64, u64); 3]);

impl MaxRate {
    fn greatest(&self) -> u64 {
        self.0[0].1
    }

    /// Whether they are of rounds so far, the oldest first.
    fn is_sound(&self, round: u64) -> bool {
        self.0.is_sorted_by_key(|&(of, _)| of) && self.0.iter().all(|&(of, _)| of <= round)
    }

    fn add(&mut self, round: u64, rate: u64) {
        let new = (round, rate);
        let [first, second, third] = &mut self.0;
        if rate >= first.1 || round - third.0 > RATE_ROUNDS {
            self.0 = [new; 3];
            return;
        }
        if rate >= second.1 {
            (*second, *third) = (new, new);
        } else if rate >= third.1 {
            *third = new;
        }
        if round - first.0 > RATE_ROUNDS {
            (*first, *second, *third) = (*second, *third, new);
            if round - first.0 > RATE_ROUNDS {
                (*first, *second) = (*second, *third);
            }
        } else if second.0 == first.0 && round - first.0 > RATE_ROUNDS / 4 {
            // The ones that follow had better not all be of the same moment.
            (*second, *third) = (new, new);
        } else if third.0 == second.0 && round - first.0 > RATE_ROUNDS / 2 {
            *third = new;
        }
    }
}

/// Bytes per second of `bytes` in `time`.
fn rate_of(bytes: u32, time: Nanos) -> u64 {
    (u128::from(bytes) * 1_000_000_000 / u128::from(time.0.max(1))) as u64
}

fn time_of(bytes: u32, rate: u64) -> Nanos {
    Nanos((u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1))).min(1 << 62) as u64)
}

#[cfg(test)]
#[path = "bbr_tests.rs"]
mod tests;
