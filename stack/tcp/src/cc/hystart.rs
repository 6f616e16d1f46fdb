//! HyStart++ (RFC 9406): slow start that ends before it overflows a queue.
//!
//! When the least round-trip time of a round rises, a queue is building. Slow start then goes on four times
//! slower, to see whether that was noise, and after five such rounds ends for good.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use super::{AckSample, Window};
use crate::SeqNum;

/// RFC 9406 4.3, in microseconds.
const RTT_THRESH_MIN_US: u32 = 4_000;
const RTT_THRESH_MAX_US: u32 = 16_000;
const RTT_DIVISOR: u32 = 8;
/// Samples that make a round's least RTT worth looking at.
const SAMPLES_MIN: u8 = 8;
/// How much slower conservative slow start is.
const CSS_GROWTH_DIVISOR: u32 = 4;
/// After how many rounds of it slow start is over.
const CSS_ROUNDS: u8 = 5;

/// No sample.
const NONE_US: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HyStart {
    /// The round ends when this is acknowledged; `None` before the first ACK.
    round_end: Option<SeqNum>,
    /// Least RTT of the round before, in microseconds.
    last_min_us: u32,
    /// Least RTT of this round.
    min_us: u32,
    /// What the least RTT was when slow start became conservative.
    baseline_us: u32,
    samples: u8,
    /// Rounds that conservative slow start has seen, its first included; 0 in plain slow start.
    css_rounds: u8,
}

impl HyStart {
    pub(super) const NEW: Self = Self {
        round_end: None,
        last_min_us: NONE_US,
        min_us: NONE_US,
        baseline_us: NONE_US,
        samples: 0,
        css_rounds: 0,
    };

    /// Slow start by what is acknowledged. Answers how many of its bytes are congestion avoidance's.
    ///
    //= rfc9406#4.2 RFC9406-4.2-3
    //= rfc9406#4.3 RFC9406-4.3-2
    /// The RFC's limit L of what one ACK counts is infinite, as in Linux: where receivers acknowledge whole
    /// bursts, a limit of eight segments would make slow start linear.
    pub(super) fn on_ack(&mut self, window: &mut Window, ack: &AckSample) -> u32 {
        let round_ends = self.round_end.is_some_and(|end| ack.at.una.at_or_after(end));
        if round_ends && self.next_round(window) {
            return ack.delivered;
        }
        if round_ends || self.round_end.is_none() {
            self.round_end = Some(ack.at.max);
        }
        let conservative = self.css_rounds > 0;
        let grown = if conservative { ack.delivered / CSS_GROWTH_DIVISOR } else { ack.delivered };
        let left = window.slow_start(grown);
        if let Some(rtt) = ack.rtt {
            self.sample(rtt);
        }
        left
    }

    /// Whether a connection can have come to this.
    pub(super) fn is_sound(&self) -> bool {
        self.css_rounds <= CSS_ROUNDS
    }

    /// A round is over. Answers whether slow start is too.
    //= rfc9406#4.2 RFC9406-4.2-5
    fn next_round(&mut self, window: &mut Window) -> bool {
        if self.css_rounds == CSS_ROUNDS {
            window.ssthresh = window.cwnd;
            return true;
        }
        if self.css_rounds > 0 {
            self.css_rounds += 1;
        }
        self.last_min_us = self.min_us;
        self.min_us = NONE_US;
        self.samples = 0;
        false
    }

    //= rfc9406#4.2 RFC9406-4.2-1 RFC9406-4.2-2
    fn sample(&mut self, rtt: Nanos) {
        let rtt_us = (rtt.0 / 1_000).min(u64::from(NONE_US - 1)) as u32;
        self.min_us = self.min_us.min(rtt_us);
        self.samples = self.samples.saturating_add(1);
        if self.samples < SAMPLES_MIN || self.last_min_us == NONE_US {
            return;
        }
        if self.css_rounds > 0 {
            //= rfc9406#4.2 RFC9406-4.2-4
            // The rise was noise.
            if self.min_us < self.baseline_us {
                self.baseline_us = NONE_US;
                self.css_rounds = 0;
            }
            return;
        }
        let thresh = (self.last_min_us / RTT_DIVISOR).clamp(RTT_THRESH_MIN_US, RTT_THRESH_MAX_US);
        if self.min_us >= self.last_min_us.saturating_add(thresh) {
            self.baseline_us = self.min_us;
            self.css_rounds = 1;
        }
    }
}

#[cfg(test)]
#[path = "hystart_tests.rs"]
mod tests;
