//! Round-trip time and the retransmission timeout made of it.

use mafo_mem::Nanos;

use crate::time::Span;
use crate::{Config, RttCheckpoint};

/// Least that RTTVAR adds to SRTT: the G of RFC 6298, for clocks as coarse as a timing wheel's tick.
const GRANULARITY: Nanos = Nanos::from_millis(1);

/// RFC 6298 2.1, 5.7: what the timeout falls back to when the SYN had to be sent again.
const RTO_AFTER_LOST_SYN: Nanos = Nanos::from_secs(3);

/// Doublings are not counted beyond this; `rto_max` has long been reached.
const BACKOFF_MAX: u8 = 16;

/// The estimator of RFC 6298.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rtt {
    /// SRTT; before the first sample the timeout.
    srtt: Span,
    rttvar: Span,
    sampled: bool,
    backoff: u8,
}

impl Rtt {
    //= rfc6298#2.1 RFC6298-2.1-1
    pub(crate) fn new(config: &Config) -> Self {
        Self::unsampled(config.rto_initial)
    }

    fn unsampled(rto: Nanos) -> Self {
        Self { srtt: Span::of(rto), rttvar: Span::ZERO, sampled: false, backoff: 0 }
    }

    /// Takes a sample, which also ends any backoff.
    ///
    //= rfc6298#2.2 RFC6298-2.2-1
    //= rfc6298#2.3 RFC6298-2.3-1
    //= rfc9293#3.8.1 MUST-18
    pub(crate) fn sample(&mut self, rtt: Nanos) {
        let Span(rtt) = Span::of(rtt);
        let (Span(srtt), Span(rttvar)) = (self.srtt, self.rttvar);
        let (srtt, rttvar) = match self.sampled {
            false => (rtt, rtt / 2),
            true => (srtt - srtt / 8 + rtt / 8, rttvar - rttvar / 4 + srtt.abs_diff(rtt) / 4),
        };
        *self = Self { srtt: Span(srtt), rttvar: Span(rttvar), sampled: true, backoff: 0 };
    }

    /// The timeout before backoff.
    //= rfc6298#2.2 RFC6298-2.2-1
    //= rfc6298#2.5 RFC6298-2.5-1
    //= rfc6298#4 RFC6298-4-1
    pub(crate) fn rto(&self, config: &Config) -> Nanos {
        if !self.sampled {
            return self.srtt.get();
        }
        let variation = Nanos(4 * self.rttvar.get().0).max(GRANULARITY);
        let rto = self.srtt.get() + variation.max(config.rto_variation_min);
        rto.clamp(config.rto_min, config.rto_max)
    }

    /// The timeout now.
    pub(crate) fn timeout(&self, config: &Config) -> Nanos {
        Nanos(self.rto(config).0.saturating_mul(1 << self.backoff)).min(config.rto_max)
    }

    /// How long it takes until `max` retransmissions are all without an answer, each timeout twice the one before
    /// (as Linux's tcp_model_timeout).
    pub(crate) fn retransmissions_take(&self, config: &Config, max: u8) -> Nanos {
        let rto = self.rto(config).0;
        let times = |n: u32| 1_u64.checked_shl(n).unwrap_or(u64::MAX);
        let timeout = |n: u32| rto.saturating_mul(times(n)).min(config.rto_max.0);
        Nanos((0..=u32::from(max)).map(timeout).fold(0, u64::saturating_add))
    }

    //= rfc6298#5.5
    //= rfc9293#3.8.2 MUST-19
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(BACKOFF_MAX);
    }

    /// A closed window opened: its probes' backoff says nothing about the path.
    pub(crate) fn end_backoff(&mut self) {
        self.backoff = 0;
    }

    //= rfc6298#5.7 RFC6298-5.7-1
    pub(crate) fn on_established_after_lost_syn(&mut self) {
        if !self.sampled {
            *self = Self::unsampled(self.srtt.get().max(RTO_AFTER_LOST_SYN));
        }
    }

    pub(crate) fn srtt(&self) -> Option<Nanos> {
        self.sampled.then(|| self.srtt.get())
    }

    pub(crate) fn smoothed(&self) -> Option<RttCheckpoint> {
        let Self { srtt, rttvar, sampled, backoff: _ } = *self;
        sampled.then(|| RttCheckpoint { srtt: srtt.get(), rttvar: rttvar.get() })
    }

    pub(crate) fn backoff(&self) -> u8 {
        self.backoff
    }

    /// The timeout before backoff, while there is no sample to make it of.
    pub(crate) fn rto_unsampled(&self) -> Nanos {
        if self.sampled { Nanos::ZERO } else { self.srtt.get() }
    }

    /// An estimator that goes on where another stood.
    pub(crate) fn restore(
        config: &Config,
        smoothed: Option<RttCheckpoint>,
        rto_unsampled: Nanos,
        backoff: u8,
    ) -> Self {
        let rtt = match smoothed {
            Some(RttCheckpoint { srtt, rttvar }) => {
                Self { srtt: Span::of(srtt), rttvar: Span::of(rttvar), sampled: true, backoff: 0 }
            }
            None if rto_unsampled == Nanos::ZERO => Self::new(config),
            None => Self::unsampled(rto_unsampled.clamp(config.rto_min, config.rto_max)),
        };
        Self { backoff: backoff.min(BACKOFF_MAX), ..rtt }
    }
}

impl Config {
    /// No retransmission timeout is less.
    pub(crate) fn rto_least(&self) -> Nanos {
        self.rto_min.min(self.rto_initial)
    }

    /// The retransmission timeout after `backoff` doublings, of a path that `smoothed` is known of.
    #[must_use]
    pub fn rto(&self, smoothed: Option<RttCheckpoint>, backoff: u8) -> Nanos {
        Rtt::restore(self, smoothed, Nanos::ZERO, backoff).timeout(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    fn config() -> Config {
        Config { rto_min: MS(200), rto_max: Nanos::from_secs(60), ..Config::default() }
    }

    #[test]
    fn retransmissions_take_as_long_as_their_timeouts() {
        let mut rtt = Rtt::new(&config());
        rtt.sample(MS(100));
        // 300 ms doubled, and from the eighth doubling on a minute.
        assert_eq!(rtt.retransmissions_take(&config(), 2), MS(300 + 600 + 1200));
        assert_eq!(rtt.retransmissions_take(&config(), 8), MS(300 * 255 + 60_000));
        assert_eq!(rtt.retransmissions_take(&config(), u8::MAX), MS(300 * 255 + 248 * 60_000));
    }

    //= rfc6298#2.1 RFC6298-2.1-1
    //= rfc6298#2.2 RFC6298-2.2-1
    #[test]
    fn the_first_sample_gives_three_round_trips() {
        let mut rtt = Rtt::new(&config());
        assert_eq!(rtt.timeout(&config()), MS(1000));
        rtt.sample(MS(100));
        assert_eq!(rtt.timeout(&config()), MS(300), "100 + 4 * 50");
    }

    //= rfc6298#2.3 RFC6298-2.3-1
    #[test]
    fn later_samples_are_smoothed() {
        let mut rtt = Rtt::new(&config());
        rtt.sample(MS(800));
        rtt.sample(MS(400));
        // RTTVAR = 3/4 * 400 + 1/4 * |800 - 400| = 400; SRTT = 7/8 * 800 + 1/8 * 400 = 750.
        let smoothed = rtt.smoothed().expect("two samples");
        assert_eq!((smoothed.srtt, smoothed.rttvar), (MS(750), MS(400)));
        assert_eq!(rtt.timeout(&config()), MS(750 + 1600));
    }

    //= rfc6298#2.5 RFC6298-2.5-1
    //= rfc6298#4 RFC6298-4-1
    #[test]
    fn the_timeout_keeps_between_its_bounds() {
        let mut rtt = Rtt::new(&config());
        rtt.sample(MS(1));
        assert_eq!(rtt.timeout(&config()), MS(201), "a round trip, and the floor of its variation");
        let low = Config { rto_variation_min: Nanos::ZERO, ..config() };
        rtt.sample(MS(1));
        assert_eq!(rtt.timeout(&low), MS(200), "the floor of the sum");
        rtt.sample(Nanos::from_secs(1000));
        assert_eq!(rtt.timeout(&config()), Nanos::from_secs(60));
        let mut steady = Rtt::new(&config());
        let low = Config { rto_min: Nanos::ZERO, rto_variation_min: Nanos::ZERO, ..config() };
        for _ in 0..200 {
            steady.sample(MS(10));
        }
        let over = steady.timeout(&low).0 - MS(10).0;
        assert!((GRANULARITY.0..GRANULARITY.0 + 1000).contains(&over), "variation is never zero");
    }

    #[test]
    fn backoff_doubles_up_to_the_maximum_and_ends_with_a_sample() {
        let mut rtt = Rtt::new(&config());
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(rtt.timeout(&config()).as_millis() / 1000);
            rtt.back_off();
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 32, 60, 60]);
        for _ in 0..300 {
            rtt.back_off();
        }
        assert_eq!(rtt.timeout(&config()), Nanos::from_secs(60));
        rtt.sample(MS(100));
        assert_eq!(rtt.timeout(&config()), MS(300));
    }

    //= rfc6298#5.7 RFC6298-5.7-1
    #[test]
    fn a_lost_syn_without_any_sample_means_three_seconds() {
        let mut rtt = Rtt::new(&config());
        rtt.back_off();
        rtt.on_established_after_lost_syn();
        assert_eq!(rtt.timeout(&config()), Nanos::from_secs(3));
        let mut sampled = Rtt::new(&config());
        sampled.sample(MS(100));
        sampled.on_established_after_lost_syn();
        assert_eq!(sampled.timeout(&config()), MS(300));
    }
}
