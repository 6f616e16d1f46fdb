//! A thread that polls belongs on a core of its own.

use core_affinity::CoreId;

/// A core could not be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The system or the thread's present mask does not offer the core.
    #[error("core {core} is not among the cores of this process: {offered:?}")]
    NotOffered {
        /// The core asked for.
        core: usize,
        /// The cores that this thread may run on.
        offered: Vec<usize>,
    },
    /// The kernel refused.
    #[error("the system refused to pin the thread to core {core}")]
    Refused {
        /// The core asked for.
        core: usize,
    },
}

/// The cores that the calling thread may run on, ascending.
#[must_use]
pub fn offered() -> Vec<usize> {
    let mut cores: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    cores.sort_unstable();
    cores
}

/// Pins the calling thread to `core`.
pub fn pin(core: usize) -> Result<(), PinError> {
    let offered = offered();
    if !offered.contains(&core) {
        return Err(PinError::NotOffered { core, offered });
    }
    if core_affinity::set_for_current(CoreId { id: core }) {
        Ok(())
    } else {
        Err(PinError::Refused { core })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_one_core_left() {
        // In a thread of its own: the mask stays with the thread.
        let left = std::thread::spawn(|| {
            let core = *offered().last().expect("a running thread has a core");
            pin(core).expect("an offered core can be taken");
            (core, offered())
        });
        let (core, left) = left.join().expect("no panic");
        assert_eq!(left, [core]);
    }

    #[test]
    fn a_core_that_is_not_there_is_named() {
        let error = pin(usize::MAX).expect_err("no such core");
        assert_eq!(error, PinError::NotOffered { core: usize::MAX, offered: offered() });
    }
}
