//! Sequence numbers: a circle of 2^32, so there is no order on them, only "after" within half of it.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use serde::{Deserialize, Serialize};

/// A TCP sequence number.
///
//= rfc9293#3.4
///
/// Two numbers compare by the shorter way round the circle, which is why `Ord` is not implemented:
/// the relation is not transitive. Numbers exactly 2^31 apart are neither before nor after each other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeqNum(pub u32);

/// Distances from here on go the other way round.
const HALF: u32 = 1 << 31;

impl SeqNum {
    /// How far `self` lies beyond `start`, modulo 2^32: the length of `start..self`.
    #[must_use]
    #[inline]
    pub const fn since(self, start: Self) -> u32 {
        self.0.wrapping_sub(start.0)
    }

    /// Whether `self` comes later than `other`.
    #[must_use]
    #[inline]
    pub const fn after(self, other: Self) -> bool {
        // Greater than zero and less than half the circle, in one comparison.
        self.since(other).cast_signed() > 0
    }

    /// Whether `self` comes earlier than `other`.
    #[must_use]
    #[inline]
    pub const fn before(self, other: Self) -> bool {
        other.after(self)
    }

    /// Whether `self` is `other` or comes later.
    #[must_use]
    #[inline]
    pub const fn at_or_after(self, other: Self) -> bool {
        self.since(other) < HALF
    }

    /// Whether `self` is `other` or comes earlier.
    #[must_use]
    #[inline]
    pub const fn at_or_before(self, other: Self) -> bool {
        other.at_or_after(self)
    }

    /// Whether `self` lies in `start..start + len`.
    #[must_use]
    #[inline]
    pub const fn within(self, start: Self, len: u32) -> bool {
        self.since(start) < len
    }

    /// The later of two numbers.
    #[must_use]
    #[inline]
    pub const fn later(self, other: Self) -> Self {
        if other.after(self) { other } else { self }
    }

    /// The earlier of two numbers.
    #[must_use]
    #[inline]
    pub const fn earlier(self, other: Self) -> Self {
        if other.before(self) { other } else { self }
    }
}

impl Add<u32> for SeqNum {
    type Output = Self;
    #[inline]
    fn add(self, rhs: u32) -> Self {
        Self(self.0.wrapping_add(rhs))
    }
}

impl AddAssign<u32> for SeqNum {
    #[inline]
    fn add_assign(&mut self, rhs: u32) {
        *self = *self + rhs;
    }
}

impl Sub<u32> for SeqNum {
    type Output = Self;
    #[inline]
    fn sub(self, rhs: u32) -> Self {
        Self(self.0.wrapping_sub(rhs))
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_holds_across_the_wrap() {
        let last = SeqNum(u32::MAX);
        assert_eq!(last + 1, SeqNum(0));
        assert!((last + 1).after(last));
        assert!(last.before(last + 1));
        assert!(!last.after(last) && !last.before(last));
        assert!(last.at_or_after(last) && last.at_or_before(last));
        assert_eq!(SeqNum(5).since(SeqNum(u32::MAX)), 6);
        assert!(SeqNum(2).within(SeqNum(u32::MAX), 4));
        assert!(!SeqNum(3).within(SeqNum(u32::MAX), 4));
        assert!(!SeqNum(7).within(SeqNum(7), 0), "an empty range holds nothing");
    }

    #[test]
    fn half_the_circle_away_is_neither_before_nor_after() {
        let (here, opposite) = (SeqNum(17), SeqNum(17) + HALF);
        assert!(!here.after(opposite) && !here.before(opposite));
        assert!(!opposite.after(here) && !opposite.before(here));
        assert!((opposite - 1).after(here));
    }

    proptest! {
        #[test]
        fn exactly_one_relation_holds(a: u32, b: u32) {
            let (a, b) = (SeqNum(a), SeqNum(b));
            prop_assume!(a.since(b) != HALF);
            let relations = [a.before(b), a == b, a.after(b)];
            prop_assert_eq!(relations.iter().filter(|&&holds| holds).count(), 1);
            prop_assert_eq!(a.at_or_after(b), !a.before(b));
            prop_assert_eq!(a.at_or_before(b), !a.after(b));
            prop_assert_eq!(a.before(b), b.after(a));
        }

        #[test]
        fn a_step_forward_is_after_wherever_it_starts(start: u32, step in 1..HALF) {
            let (a, b) = (SeqNum(start), SeqNum(start) + step);
            prop_assert!(b.after(a));
            prop_assert_eq!(b.since(a), step);
            prop_assert_eq!(b - step, a);
            prop_assert_eq!(a.later(b), b);
            prop_assert_eq!(a.earlier(b), a);
            prop_assert!(a.within(a, step) && !b.within(a, step));
        }
    }
}
