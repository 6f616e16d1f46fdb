//! How often the peer's timers run out without any fault: half as long before the drills as they take,
//! and half as long after them.

use mafo::Nanos;

use crate::rig::{RigError, Run};

/// How often the peer is asked.
const SAMPLE_EVERY: Nanos = Nanos::from_millis(20);

/// What the peer had counted at an instant.
type Sample = (Nanos, u64);

/// The phase before the drills.
pub(super) struct Control {
    samples: Vec<Sample>,
}

impl Control {
    /// A phase of `time`, which is a guess at half of what the drills will take. `None`: the peer does
    /// not count.
    pub(super) fn before(run: &mut Run, time: Nanos) -> Result<Option<Self>, RigError> {
        let end = run.clock.now() + time;
        let mut samples = Vec::new();
        loop {
            let Some(count) = run.peer_timeouts()? else { return Ok(None) };
            let now = run.clock.now();
            samples.push((now, count));
            if now >= end {
                return Ok(Some(Self { samples }));
            }
            run.settle(SAMPLE_EVERY.min(end - now))?;
        }
    }

    /// The phase after the drills, which took `time`; what was counted in both, which together took as
    /// long.
    pub(super) fn after(self, run: &mut Run, time: Nanos) -> Result<u64, RigError> {
        let (before, counted) = last(&self.samples, Nanos(time.0 / 2));
        let start = run.peer_timeouts()?.unwrap_or(0);
        run.settle(time - before)?;
        Ok(counted + run.peer_timeouts()?.unwrap_or(start) - start)
    }
}

/// Of what was sampled the last `time`, or all if that is less: how long it is, and what was counted.
fn last(samples: &[Sample], time: Nanos) -> Sample {
    let Some(&(end, count)) = samples.last() else { return (Nanos::ZERO, 0) };
    let first = samples.iter().find(|(at, _)| end - *at <= time);
    first.map_or((Nanos::ZERO, 0), |&(at, counted)| (end - at, count - counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_phase_that_was_too_long_the_end_counts() {
        let samples =
            [(10, 3), (20, 4), (30, 6), (40, 9)].map(|(ms, n)| (Nanos::from_millis(ms), n));
        let last = |ms| last(&samples, Nanos::from_millis(ms));
        assert_eq!(last(100), (Nanos::from_millis(30), 6));
        assert_eq!(last(25), (Nanos::from_millis(20), 5));
        assert_eq!(last(5), (Nanos::ZERO, 0));
        assert_eq!(super::last(&[], Nanos::from_millis(5)), (Nanos::ZERO, 0));
    }
}
