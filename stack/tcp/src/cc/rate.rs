//! Delivery rate (draft-cheng-iccrg-delivery-rate-estimation): how fast the path takes what it is given,
//! measured at each ACK over the flight before it.
//!
//! What the draft keeps in every segment is the same for all that are sent between two ACKs. It is kept once
//! for them, as a [`Stamp`], and found again by the time at which a segment was sent.

use std::collections::VecDeque;

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use super::Situation;

/// Stamps kept at most. When all are in use, later segments share the last one: their interval is longer.
const STAMPS_MAX: usize = 64;

/// More than any connection carries.
const DELIVERED_MAX: u64 = 1 << 60;

/// The state at which segments were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// Segments sent from then on have it, until the next stamp.
    from: Nanos,
    /// P.delivered.
    delivered: u64,
    /// P.delivered_time.
    delivered_at: Nanos,
    /// P.first_sent_time.
    first_sent: Nanos,
    /// P.is_app_limited.
    app_limited: bool,
}

/// What an ACK shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RateSample {
    /// C.delivered when the segment was sent that the ACK reports: a round trip's beginning.
    pub(super) prior_delivered: u64,
    /// Bytes per second; `None` when the interval is too short to be one of the path.
    pub(super) rate: Option<u64>,
    /// The application, not the path, may have set the rate.
    pub(super) app_limited: bool,
}

/// The connection's side of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sampler {
    /// C.delivered: bytes reported as arrived, ever.
    delivered: u64,
    /// C.delivered_time; `None` before anything was sent, as the next.
    delivered_at: Option<Nanos>,
    /// C.first_sent_time.
    first_sent: Option<Nanos>,
    /// C.app_limited: until so much is delivered, the application limits. 0: it does not.
    app_limited_until: u64,
    stamps: VecDeque<Stamp>,
}

impl Sampler {
    pub(super) fn new() -> Self {
        Self {
            delivered: 0,
            delivered_at: None,
            first_sent: None,
            app_limited_until: 0,
            stamps: VecDeque::with_capacity(STAMPS_MAX),
        }
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn is_app_limited(&self) -> bool {
        self.app_limited_until != 0
    }

    /// There was nothing to send although there was room, with `pipe` bytes in the network.
    pub(super) fn on_app_limited(&mut self, pipe: u32) {
        self.app_limited_until = (self.delivered + u64::from(pipe)).max(1);
    }

    /// A segment leaves; nothing else may be in the network.
    pub(super) fn on_sent(&mut self, now: Nanos, nothing_in_flight: bool) {
        if nothing_in_flight {
            self.first_sent = Some(now);
            self.delivered_at = Some(now);
        }
        let stamp = Stamp {
            from: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at.unwrap_or(now),
            first_sent: self.first_sent.unwrap_or(now),
            app_limited: self.is_app_limited(),
        };
        let same = self.stamps.back().is_some_and(|last| Stamp { from: now, ..*last } == stamp);
        if !same && self.stamps.len() < STAMPS_MAX {
            self.stamps.push_back(stamp);
        }
    }

    /// An ACK reports `bytes`, of which those sent last were sent at `sent_at`.
    pub(super) fn on_ack(
        &mut self,
        at: &Situation,
        bytes: u32,
        sent_at: Option<Nanos>,
        min_rtt: Nanos,
    ) -> Option<RateSample> {
        self.delivered += u64::from(bytes);
        self.delivered_at = Some(at.now);
        if self.is_app_limited() && self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
        let sent_at = sent_at?;
        // What was sent before the oldest stamp has been measured by what overtook it.
        let index = self.stamps.partition_point(|stamp| stamp.from <= sent_at).checked_sub(1)?;
        let stamp = *self.stamps.get(index)?;
        self.stamps.drain(..index);
        self.first_sent = Some(sent_at);
        let (sending, acking) = (sent_at - stamp.first_sent, at.now - stamp.delivered_at);
        let interval = sending.max(acking);
        let delivered = self.delivered - stamp.delivered;
        let known = interval >= min_rtt && interval > Nanos::ZERO;
        let rate =
            known.then(|| (u128::from(delivered) * 1_000_000_000 / u128::from(interval.0)) as u64);
        Some(RateSample { prior_delivered: stamp.delivered, rate, app_limited: stamp.app_limited })
    }

    /// Whether a connection can have come to this.
    pub(super) fn is_sound(&self, now: Nanos) -> bool {
        let ascend = |a: &&Stamp, b: &&Stamp| a.from <= b.from && a.delivered <= b.delivered;
        self.delivered <= DELIVERED_MAX
            && self.app_limited_until <= 2 * DELIVERED_MAX
            && self.stamps.len() <= STAMPS_MAX
            && self.stamps.iter().is_sorted_by(ascend)
            && self
                .stamps
                .back()
                .is_none_or(|last| last.delivered <= self.delivered && last.from <= now)
    }

    /// With each time replaced.
    pub(super) fn with_times(&self, time: impl Fn(Nanos) -> Nanos) -> Self {
        let Self { delivered, delivered_at, first_sent, app_limited_until, stamps } = self;
        let moved = stamps.iter().map(|stamp| Stamp {
            from: time(stamp.from),
            delivered_at: time(stamp.delivered_at),
            first_sent: time(stamp.first_sent),
            ..*stamp
        });
        let mut stamps = VecDeque::with_capacity(STAMPS_MAX);
        stamps.extend(moved);
        Self {
            delivered: *delivered,
            delivered_at: delivered_at.map(&time),
            first_sent: first_sent.map(&time),
            app_limited_until: *app_limited_until,
            stamps,
        }
    }
}
