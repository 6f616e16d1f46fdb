//! Chance: everything that a seed decides is drawn here.

use mafo_mem::Nanos;
use rand_core::Rng;
use rand_pcg::Pcg64;

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Draw(Pcg64);

impl Draw {
    /// The draws of `seed` for one purpose; another `stream` draws independently.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Pcg64::new(seed.into(), stream.into()))
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.any()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.any() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of probability `p` happens.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A time from `first` to `last` whose logarithm is uniform.
    pub fn log_time(&mut self, first: Nanos, last: Nanos) -> Nanos {
        let (low, high) = ((first.0.max(1) as f64).log2(), (last.0.max(1) as f64).log2());
        Nanos((low + (high - low) * self.unit()).exp2() as u64)
    }

    /// 0 to 256 KiB on a logarithmic scale; the median is 4 KiB.
    pub fn stream_len(&mut self) -> u64 {
        let unit = self.unit();
        let log = if unit < 0.5 { unit * 24.0 } else { 12.0 + (unit - 0.5) * 12.0 };
        log.exp2() as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_median_and_the_range_that_were_asked_for() {
        let mut draw = Draw::new(1, 0);
        let mut lens: Vec<u64> = (0..10_001).map(|_| draw.stream_len()).collect();
        lens.sort_unstable();
        assert_eq!(lens[0], 0);
        assert!((3_500..4_700).contains(&lens[5_000]), "median {}", lens[5_000]);
        assert!(lens[10_000] > 250_000 && lens[10_000] <= 256 * 1024);
    }
}
