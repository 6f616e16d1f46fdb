//! Whose turn it is, and for how long: slices, and the time that passes in them.

use std::time::Duration;

use clap::Args;
#[cfg(debug_assertions)]
use clap::ValueEnum;
use mafo::Nanos;
use mafo::eal::clock::{Clock, thread_cpu_time};

/// What only tests ask for: of a build without assertions nothing can be asked.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// Spoil something, to see that it is noticed
    #[cfg(debug_assertions)]
    #[arg(long, value_enum, hide = true)]
    pub r#break: Option<Break>,
    /// Length of a slice in milliseconds: too short for a figure, long enough for a test
    #[cfg(debug_assertions)]
    #[arg(long, hide = true)]
    pub slice_ms: Option<u64>,
}

/// What can be spoilt.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Break {
    /// Something is changed after the sender has written it.
    Byte,
}

impl Hooks {
    /// Whether something is to be spoilt.
    pub(super) fn spoils(self) -> bool {
        #[cfg(debug_assertions)]
        return self.r#break.is_some();
        #[cfg(not(debug_assertions))]
        return false;
    }

    fn slice(self) -> Option<Duration> {
        #[cfg(debug_assertions)]
        return self.slice_ms.map(Duration::from_millis);
        #[cfg(not(debug_assertions))]
        return None;
    }
}

/// Slices at least.
const SLICES_MIN: u32 = 5;
/// The shortest slice of a stack, or of a card.
pub(super) const SLICE: Duration = Duration::from_millis(500);

/// How many slices of `shortest` at least fill `all`, and how long each is.
pub(super) fn slices(all: Duration, shortest: Duration, hooks: Hooks) -> (u32, Duration) {
    if let Some(length) = hooks.slice() {
        return (SLICES_MIN, length);
    }
    let count = ((all.as_nanos() / shortest.as_nanos()) as u32).max(SLICES_MIN);
    (count, all / count)
}

/// What the time of those who work is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// What passes.
    Real,
    /// Turns, each so long: every run does the same.
    Counted(Nanos),
    /// What the thread is at work: what an idle connection has a timer for does not come due while others have the core.
    Worked,
}

impl Pace {
    /// Turns where operations are counted, each as long as `turn`.
    pub(super) fn of(ops: Option<u64>, turn: Nanos) -> Self {
        if ops.is_some() { Self::Counted(turn) } else { Self::Real }
    }

    pub(super) fn start(self) -> Watch {
        match self {
            Self::Real => Watch::Real(Clock::start()),
            Self::Counted(turn) => Watch::Counted { passed: Nanos::ZERO, turn },
            Self::Worked => Watch::Worked(thread_cpu_time()),
        }
    }
}

/// Time since it was started.
pub(super) enum Watch {
    Real(Clock),
    Counted { passed: Nanos, turn: Nanos },
    Worked(Nanos),
}

impl Watch {
    /// The time, which is a turn later than it was if turns are counted.
    pub(super) fn now(&mut self) -> Nanos {
        match self {
            Self::Real(clock) => clock.now(),
            Self::Counted { passed, turn } => {
                *passed += *turn;
                *passed
            }
            Self::Worked(since) => thread_cpu_time() - *since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_fill_the_time_and_are_five_at_least() {
        let of = |ms, hooks| slices(Duration::from_millis(ms), SLICE, hooks);
        assert_eq!(of(2500, Hooks::default()), (5, SLICE));
        assert_eq!(of(5400, Hooks::default()), (10, Duration::from_millis(540)));
        assert_eq!(of(1000, Hooks::default()), (5, Duration::from_millis(200)));
        #[cfg(debug_assertions)]
        assert_eq!(
            of(5000, Hooks { slice_ms: Some(3), ..Hooks::default() }),
            (5, Duration::from_millis(3))
        );
    }

    #[test]
    fn counted_turns_are_all_alike() {
        let mut watch = Pace::of(Some(1), Nanos(20)).start();
        assert_eq!([watch.now(), watch.now()], [Nanos(20), Nanos(40)]);
        assert_eq!(Pace::of(None, Nanos(20)), Pace::Real);
    }
}
