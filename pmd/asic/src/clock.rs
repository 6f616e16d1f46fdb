//! The core clock and the ticks that derive from it.

use mafo_mem::Nanos;

/// The card's core clock: runs at its own frequency from its own epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    khz: u32,
    epoch: u64,
}

impl Clock {
    /// A clock of `khz` that shows `epoch` ticks at [`Nanos::ZERO`].
    #[must_use]
    pub fn new(khz: u32, epoch: u64) -> Self {
        assert!(khz > 0, "a core clock that stands still");
        Self { khz, epoch }
    }

    /// Frequency in kHz.
    #[must_use]
    pub fn khz(&self) -> u32 {
        self.khz
    }

    /// Core clock ticks at `now`.
    #[must_use]
    pub fn ticks(&self, now: Nanos) -> u64 {
        // 128 bits: 2^64 ns times 2^32 kHz does not fit in less.
        let since_zero = u128::from(now.0) * u128::from(self.khz) / 1_000_000;
        self.epoch.wrapping_add(since_zero as u64)
    }

    /// Ticks of a divided clock at `now`: one every `1 << resolution` core ticks
    /// (`TP_TIMER_RESOLUTION`).
    #[must_use]
    pub fn divided(&self, now: Nanos, resolution: u32) -> u64 {
        self.ticks(now).checked_shr(resolution).unwrap_or(0)
    }

    /// How long `ticks` of a clock divided by `1 << resolution` take, rounded down.
    #[must_use]
    pub fn duration(&self, ticks: u64, resolution: u32) -> Nanos {
        let core = u128::from(ticks).checked_shl(resolution).unwrap_or(0);
        Nanos(
            u64::try_from(core.saturating_mul(1_000_000) / u128::from(self.khz))
                .unwrap_or(u64::MAX),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_follow_frequency_and_epoch() {
        let clock = Clock::new(250_000, 7);
        assert_eq!(clock.ticks(Nanos::ZERO), 7);
        assert_eq!(clock.ticks(Nanos::from_micros(1)), 257);
        // 2^18 ticks of 4 ns: the timestamp tick of the default resolution.
        assert_eq!(clock.duration(1, 18), Nanos(1_048_576));
        assert_eq!(clock.divided(Nanos(1_048_576 * 3), 18), 3);
    }

    #[test]
    fn the_clock_wraps_instead_of_overflowing() {
        let clock = Clock::new(u32::MAX, u64::MAX);
        assert_eq!(clock.ticks(Nanos::ZERO), u64::MAX);
        let _ = clock.ticks(Nanos::MAX);
        assert_eq!(clock.duration(u64::MAX, 63), Nanos::MAX);
        assert_eq!(clock.duration(1, 200), Nanos::ZERO, "no such resolution");
    }
}
