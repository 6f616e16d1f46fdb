//! The clock of a polling loop, and what a thread costs.

use std::time::Instant;

use mafo_mem::Nanos;

/// A monotonic clock whose origin is its own start.
///
/// Only the outermost loop of a program owns one; everything below receives its reading as `now`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows [`Nanos::ZERO`] now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start, in nanoseconds (584 years of them).
    #[must_use]
    pub fn now(&self) -> Nanos {
        Nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Processor time that the calling thread has used, in user mode and in the kernel for it: what a
/// measurement on a machine with other work divides by. Reading it is a system call.
#[must_use]
pub fn thread_cpu_time() -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec to write to. Every Linux since 2.6.12 has this clock, so the call
    // cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Nanos::from_secs(time.tv_sec as u64) + Nanos(time.tv_nsec as u64)
}

/// The processor's time stamp counter, or nanoseconds where there is none.
#[must_use]
pub fn cycles() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction.
    return unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return thread_cpu_time().0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_works_pays() {
        let clock = Clock::start();
        let before = thread_cpu_time();
        let other = std::thread::spawn(|| {
            let start = thread_cpu_time();
            while thread_cpu_time() - start < Nanos::from_millis(20) {}
            thread_cpu_time()
        });
        // Waiting costs nothing; the other thread has paid for its own loop.
        let others = other.join().expect("no panic");
        let mine = thread_cpu_time() - before;
        assert!(others >= Nanos::from_millis(20), "{others:?}");
        assert!(mine < Nanos::from_millis(20), "{mine:?} for waiting");
        assert!(clock.now() >= mine, "more processor time than time");
    }

    #[test]
    fn time_does_not_run_backwards() {
        let clock = Clock::start();
        let mut last = clock.now();
        let mut advanced = false;
        for _ in 0..100_000 {
            let now = clock.now();
            assert!(now >= last, "{now:?} after {last:?}");
            advanced |= now > last;
            last = now;
        }
        assert!(advanced, "the clock stands still");
    }
}
