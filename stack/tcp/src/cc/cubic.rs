//! CUBIC (RFC 9438): the window is a cubic function of the time since the last congestion event, flat
//! around the size at which that happened.
//!
//! ```text
//!  cwnd            W_max                            ╱
//!    │  ............................___________────╱ convex: looking for more
//!    │                     ____────     t = K
//!    │              __──── concave: back to what it was
//!    │         _──╱
//!    │ β·W_max╱
//!    └───────┴──────────────────────────────────────────► t
//! ```
//!
//! Sizes are bytes; the RFC's segments are `mss` of them. The window grows by whole segments, for each of
//! which so many bytes must be acknowledged. Time in the function has a unit of 2^-10 s, which makes its
//! cubes shifts.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use super::hystart::HyStart;
use super::{AckSample, CWND_MAX, Credit, Situation, Window};
use crate::time::Moment;

/// β: what is left of a window after a congestion event, in tenths (RFC 9438 4.6).
const BETA_TENTHS: u32 = 7;

/// The most that the window grows by the function in a round trip: half (RFC 9438 4.2), which is a
/// segment for each two acknowledged.
const GROWTH_DIVISOR_MIN: u32 = 2;

/// As Linux: before any loss there is no W_max to aim at, and a curve that starts flat at a window that
/// slow start left too early would be of no use. It then grows by a twentieth a round trip at least.
const GROWTH_DIVISOR_UNINFORMED: u32 = 20;

/// How long, in 2^-10 s, the growth that the function asked for is kept to, if the window stays as it is.
const ASKED_EVERY: u64 = 32;

/// Units of 2^-10 s beyond which the function has left every window behind.
const TIME_MAX: u64 = 1 << 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cubic {
    /// The window at the last congestion event, or less for fast convergence; 0 before the first.
    w_max: u32,
    /// The window at the last congestion event: where the Reno-friendly window starts to grow like Reno's.
    cwnd_prior: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Slow start, or congestion avoidance before its first ACK.
    Before(HyStart),
    /// Congestion avoidance: an epoch.
    Epoch(Epoch),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Epoch {
    /// When it began.
    start: Moment,
    /// Where the function is flat: W_max, or the window at the start if that was no less.
    origin: u32,
    /// Time from the start until there, in 2^-10 s.
    k: u32,
    /// Towards the next segment.
    credit: Credit,
    /// So many bytes acknowledged are worth one; 0 before that is known of the window.
    per_segment: u32,
    /// When it was made out, in 2^-10 s from the start.
    asked: u32,
    /// What Reno's window would be with CUBIC's β.
    w_est: u32,
    /// Towards the next segment of `w_est`.
    est_credit: Credit,
}

impl Cubic {
    pub(super) fn new() -> Self {
        Self { w_max: 0, cwnd_prior: 0, phase: Phase::Before(HyStart::NEW) }
    }

    //= rfc9438#4.10 RFC9438-4.10-1
    //= rfc9406#4.3 RFC9406-4.3-1
    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        let mut acked = ack.delivered;
        if window.in_slow_start() {
            acked = match &mut self.phase {
                //= rfc9406#4.2
                // Only in the first slow start, which has nothing else to end it.
                Phase::Before(hystart) if !window.has_threshold() => hystart.on_ack(window, ack),
                _ => window.slow_start(acked),
            };
        }
        if acked > 0 {
            self.avoid(window, ack, acked);
        }
    }

    /// Congestion avoidance.
    //
    //= rfc9438#4.2 RFC9438-4.2-2
    /// How fast the window grows is made out once in [`ASKED_EVERY`] while it does not, as in Linux: what the ACKs in
    /// between are worth is then known. Reno's window is followed when it grows, unlike there: on a short path that
    /// loses a few percent no window would live long enough to be asked about again.
    fn avoid(&mut self, window: &mut Window, ack: &AckSample, acked: u32) {
        let w_max = self.w_max;
        let epoch = match &mut self.phase {
            Phase::Epoch(epoch) => epoch,
            before @ Phase::Before(_) => {
                *before = Phase::Epoch(Epoch::new(ack.at.now, window.cwnd, w_max, ack.at.mss));
                let Phase::Epoch(epoch) = before else { return };
                epoch
            }
        };
        let reno_grew = epoch.follow_reno(window.cwnd, self.cwnd_prior, ack.at.mss, acked);
        let elapsed = ticks(ack.at.now - epoch.start.get());
        let long_ago = elapsed.saturating_sub(epoch.asked.into()) > ASKED_EVERY;
        if epoch.per_segment == 0 || long_ago || reno_grew {
            epoch.per_segment = epoch.per_segment_at(elapsed, window.cwnd, w_max, &ack.at);
            epoch.asked = elapsed.min(u32::MAX.into()) as u32;
        }
        let segments = epoch.credit.add(acked, epoch.per_segment);
        if segments > 0 {
            window.grow(segments.saturating_mul(ack.at.mss));
            epoch.per_segment = 0;
        }
    }

    /// The window of `cwnd` was too large.
    ///
    //= rfc9438#4.6 RFC9438-4.6-1 RFC9438-4.6-2
    //= rfc9438#4.7 RFC9438-4.7-1
    /// The new one is β of `cwnd`, as in Linux, not of what is outstanding: a window that is not used
    /// does not grow either.
    fn reduce(&mut self, window: &mut Window, mss: u32) {
        let cwnd = window.cwnd;
        // Fast convergence: a window that did not get back to W_max makes room for newer flows.
        let releases = cwnd < self.w_max;
        self.w_max = if releases { tenths(cwnd, 10 + BETA_TENTHS) / 2 } else { cwnd };
        self.cwnd_prior = cwnd;
        self.phase = Phase::Before(HyStart::NEW);
        window.reduce(tenths(cwnd, BETA_TENTHS), mss);
    }

    //= rfc9406#4.2 RFC9406-4.2-6
    pub(super) fn on_loss(&mut self, window: &mut Window, at: &Situation) {
        self.reduce(window, at.mss);
    }

    //= rfc9438#4.8 RFC9438-4.8-1
    /// The first epoch after it is one without W_max.
    pub(super) fn on_timeout(&mut self, window: &mut Window, at: &Situation, again: bool) {
        if !again {
            self.reduce(window, at.mss);
            self.w_max = 0;
        }
        window.cwnd = at.mss;
    }

    /// The sender was silent for `silence`, with nothing outstanding: that is not time in which the
    /// window could have grown.
    ///
    //= rfc9438#5.8
    //= rfc9438#4.2 RFC9438-4.2-3
    pub(super) fn on_transmit_start(&mut self, now: Nanos, silence: Nanos) {
        if let Phase::Epoch(epoch) = &mut self.phase {
            epoch.start = Moment::of((epoch.start.get() + silence).min(now));
            if ticks(silence) > ASKED_EVERY {
                epoch.per_segment = 0;
            }
        }
    }

    /// Whether a connection can have come to this.
    pub(super) fn is_sound(&self) -> bool {
        let Self { w_max, cwnd_prior, phase } = *self;
        let windows = match phase {
            Phase::Before(hystart) if !hystart.is_sound() => return false,
            Phase::Before(_) => [w_max, cwnd_prior, 0],
            Phase::Epoch(epoch) => [w_max, cwnd_prior, epoch.origin],
        };
        windows.iter().all(|&window| window <= CWND_MAX)
    }

    /// With each time replaced.
    pub(super) fn with_times(self, time: impl Fn(Nanos) -> Nanos) -> Self {
        let Self { w_max, cwnd_prior, phase } = self;
        let phase = match phase {
            Phase::Before(hystart) => Phase::Before(hystart),
            Phase::Epoch(epoch) => {
                Phase::Epoch(Epoch { start: Moment::of(time(epoch.start.get())), ..epoch })
            }
        };
        Self { w_max, cwnd_prior, phase }
    }
}

impl Epoch {
    //= rfc9438#4.2
    fn new(start: Nanos, cwnd: u32, w_max: u32, mss: u32) -> Self {
        let origin = w_max.max(cwnd);
        // K = ((W_max - cwnd) / C)^(1/3) seconds, of segments and with C = 4/10.
        let cubed = ((u64::from(origin - cwnd) * 10) << 30) / u64::from(4 * mss);
        let k = cube_root(cubed);
        let (start, credit, est_credit) = (Moment::of(start), Credit::NONE, Credit::NONE);
        Self { start, origin, k, credit, per_segment: 0, asked: 0, w_est: cwnd, est_credit }
    }

    /// What Reno's window would be after `acked` bytes more. Whether it is another than before.
    //
    //= rfc9438#4.3 RFC9438-4.3-2
    fn follow_reno(&mut self, cwnd: u32, cwnd_prior: u32, mss: u32, acked: u32) -> bool {
        // α is 3(1-β)/(1+β) = 9/17 until Reno's window would be back where it was, then 1.
        let grows_like_reno = self.w_est >= cwnd_prior;
        let per_segment = if grows_like_reno { cwnd } else { (u64::from(cwnd) * 17 / 9) as u32 };
        let segments = self.est_credit.add(acked, per_segment);
        self.w_est = self.w_est.saturating_add(segments.saturating_mul(mss));
        segments > 0
    }

    /// How many bytes are worth a segment of a window of `cwnd`.
    //
    //= rfc9438#4.4
    //= rfc9438#4.5
    fn per_segment_at(&self, elapsed: u64, cwnd: u32, w_max: u32, at: &Situation) -> u32 {
        // Where the function will be in a round trip, this window of ACKs is to lead.
        let target = self.window_at(elapsed + ticks(at.srtt.unwrap_or(Nanos::ZERO)), at.mss);
        let mss = at.mss;
        let leads_to = |target: u32| {
            let above = target.saturating_sub(cwnd).max(1);
            let per_segment = u64::from(cwnd) * u64::from(mss) / u64::from(above);
            per_segment.min(u64::from(u32::MAX)) as u32
        };
        let mut per_segment = leads_to(target);
        if w_max == 0 {
            per_segment = per_segment.min(mss * GROWTH_DIVISOR_UNINFORMED);
        }
        //= rfc9438#4.3 RFC9438-4.3-1
        // By a window of ACKs, too, and not at once: as in Linux.
        per_segment.min(leads_to(self.w_est)).max(mss * GROWTH_DIVISOR_MIN)
    }

    /// W_cubic(t) = C (t - K)^3 + W_max, for `t` in 2^-10 s.
    //= rfc9438#4.2 RFC9438-4.2-1
    //= rfc9438#5.1 RFC9438-5.1-1
    fn window_at(&self, t: u64, mss: u32) -> u32 {
        let k = u64::from(self.k);
        let distance = t.abs_diff(k).min(TIME_MAX);
        let cubed = (distance * distance * distance) >> 10;
        let bytes = (cubed.saturating_mul(u64::from(4 * mss)) / 10) >> 20;
        let bytes = bytes.min(u32::MAX.into()) as u32;
        if t < k { self.origin.saturating_sub(bytes) } else { self.origin.saturating_add(bytes) }
    }
}

fn tenths(bytes: u32, tenths: u32) -> u32 {
    (u64::from(bytes) * u64::from(tenths) / 10) as u32
}

/// In 2^-10 s.
fn ticks(time: Nanos) -> u64 {
    ((u128::from(time.0) << 10) / 1_000_000_000).min(u64::MAX.into()) as u64
}

/// The cube root, rounded down, bit by bit from the highest.
fn cube_root(of: u64) -> u32 {
    let (mut root, mut rest) = (0u64, of);
    for shift in (0..22).rev().map(|digit| 3 * digit) {
        root *= 2;
        // (root + 1)^3 - root^3
        let step = 3 * root * (root + 1) + 1;
        if rest >> shift >= step {
            rest -= step << shift;
            root += 1;
        }
    }
    root as u32
}

#[cfg(test)]
#[path = "cubic_tests.rs"]
mod tests;
