//! A card that dies, at any point that somebody outside can tell from another.
//!
//! What a card does is seen by its host (a write to host memory, a register that changes) or by its peers (a frame
//! handed to a cable): these are its *effects*. A card that is to die after the n-th of them shows exactly n. Trying
//! every n reaches every point at which a death makes a difference, without a word about it in the code that has the
//! effects.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What ends a card.
#[derive(Debug, Default)]
pub struct Fuse {
    /// Somebody counts.
    counts: AtomicBool,
    /// Effects since then.
    effects: AtomicU64,
    /// Effects that the card lives through.
    limit: AtomicU64,
    dead: AtomicBool,
}

impl Fuse {
    /// Lets the card live through so many effects from now on, and no longer.
    pub fn arm(&self, limit: u64) {
        self.effects.store(0, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        self.counts.store(true, Ordering::Release);
    }

    /// Ends the card now.
    pub fn blow(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Effects since the fuse was armed.
    #[must_use]
    pub fn effects(&self) -> u64 {
        self.effects.load(Ordering::Relaxed)
    }

    /// Whether the card is dead: it does nothing any more, and its registers read as all ones.
    #[must_use]
    pub fn is_blown(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// The card is about to have an effect: whether it lives to.
    #[inline]
    pub(crate) fn allows(&self) -> bool {
        if self.is_blown() {
            return false;
        }
        !self.counts.load(Ordering::Relaxed) || self.count()
    }

    #[cold]
    fn count(&self) -> bool {
        let before = self.effects.load(Ordering::Relaxed);
        if before >= self.limit.load(Ordering::Relaxed) {
            self.blow();
            return false;
        }
        // One thread runs a card.
        self.effects.store(before + 1, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_lives_through_its_limit_and_not_beyond() {
        let fuse = Fuse::default();
        assert!((0..9).all(|_| fuse.allows()), "nobody counts");
        fuse.arm(3);
        let lived: Vec<bool> = (0..5).map(|_| fuse.allows()).collect();
        assert_eq!(lived, [true, true, true, false, false]);
        assert_eq!((fuse.effects(), fuse.is_blown()), (3, true));
    }
}
