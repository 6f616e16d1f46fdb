//! Fences of unlike weight: where one side of a handshake runs millions of times a second and the other
//! once in a life, the kernel can make the rare side pay for both (membarrier(2)).

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};

/// Commands of membarrier(2) [linux/membarrier.h]; libc has them for Android only.
const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1 << 0;
const MEMBARRIER_CMD_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// How the frequent side fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fences {
    /// It only keeps the compiler in order; [`Fences::heavy`] makes its processor pass a barrier.
    Asymmetric,
    /// It pays itself: on a kernel without membarrier.
    Symmetric,
}

impl Fences {
    /// The cheaper kind that this system has.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<Fences> = OnceLock::new();
        *BEST.get_or_init(|| {
            let registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
            if registered { Self::Asymmetric } else { Self::Symmetric }
        })
    }

    /// The frequent side's fence between its write and its read. Pairs with [`Fences::heavy`].
    #[inline]
    pub(super) fn light(self) {
        match self {
            Self::Asymmetric => compiler_fence(Ordering::SeqCst),
            Self::Symmetric => fence(Ordering::SeqCst),
        }
    }

    /// The rare side's fence between its write and its read: a full one here and, when the frequent side
    /// does without, on every processor that runs another thread of this process.
    pub(super) fn heavy(self) {
        fence(Ordering::SeqCst);
        if self == Self::Asymmetric {
            // A child of a fork may have to register for the private form; the global one is slow.
            let passed = [MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_GLOBAL];
            assert!(passed.into_iter().any(membarrier), "membarrier was registered and is refused");
        }
    }
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier(2) takes a command, flags and a processor number, and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    result == 0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use super::*;

    /// A write of each side, on cache lines of their own.
    #[derive(Default)]
    struct Round {
        frequent: Line,
        rare: Line,
        arrived: AtomicUsize,
    }

    #[derive(Default)]
    #[repr(align(128))]
    struct Line(AtomicBool);

    impl Round {
        /// Both sides leave at the same moment, as nearly as spinning can make it.
        fn meet(&self) {
            self.arrived.fetch_add(1, Ordering::AcqRel);
            let mut spins = 0_u32;
            while self.arrived.load(Ordering::Acquire) < 2 {
                spins += 1;
                // The other side may need this very processor.
                if spins.is_multiple_of(1000) {
                    std::thread::yield_now();
                }
            }
        }
    }

    /// Both sides write, fence and read: at least one sees the other's write.
    fn one_sees_the_other(fences: Fences, rounds: usize) {
        let rounds: Vec<Round> = (0..rounds).map(|_| Round::default()).collect();
        let (frequent, rare) = std::thread::scope(|scope| {
            let frequent = scope.spawn(|| {
                let saw = rounds.iter().map(|round| {
                    round.meet();
                    round.frequent.0.store(true, Ordering::Relaxed);
                    fences.light();
                    round.rare.0.load(Ordering::Relaxed)
                });
                saw.collect::<Vec<bool>>()
            });
            let saw = rounds.iter().map(|round| {
                round.meet();
                round.rare.0.store(true, Ordering::Relaxed);
                fences.heavy();
                round.frequent.0.load(Ordering::Relaxed)
            });
            let rare = saw.collect::<Vec<bool>>();
            (frequent.join().expect("no panic"), rare)
        });
        for (round, (frequent, rare)) in frequent.into_iter().zip(rare).enumerate() {
            assert!(frequent || rare, "round {round}: neither saw the other");
        }
    }

    #[test]
    fn of_two_that_meet_one_sees_the_other() {
        one_sees_the_other(Fences::best(), 20_000);
        one_sees_the_other(Fences::Symmetric, 20_000);
    }
}
