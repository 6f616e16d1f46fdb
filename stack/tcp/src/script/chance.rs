//! Where chance comes from: a seed, or the bytes of a fuzzer.

/// A source of choices. The same seed, or the same bytes, choose the same for ever.
#[derive(Clone, Debug)]
pub enum Chance<'a> {
    /// A small generator (SplitMix64) in this state. It never ends.
    Seed(u64),
    /// A choice is as many bytes as it needs; when none are left, the first of what there is to choose.
    Bytes(&'a [u8]),
}

impl Chance<'_> {
    /// Whether there is nothing left to choose by.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        matches!(self, Self::Bytes([]))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.below(u64::MAX)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        let number = match self {
            Self::Seed(state) => split_mix(state),
            Self::Bytes(bytes) => take_number(bytes, n),
        };
        number % n.max(1)
    }

    /// True with a probability of `permille` in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// A number below 2^`bits`, small ones as likely as large ones.
    pub fn magnitude(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits + 1);
        self.below(1 << bits)
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// As many bytes as a number below `n` has.
fn take_number(bytes: &mut &[u8], n: u64) -> u64 {
    let needed = (u64::BITS - n.saturating_sub(1).leading_zeros()).div_ceil(8) as usize;
    let (number, rest) = bytes.split_at(needed.min(bytes.len()));
    *bytes = rest;
    number.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_as_needed() {
        let mut chance = Chance::Bytes(&[7, 1, 2, 0xff]);
        assert_eq!(chance.below(1), 0, "no choice, no byte");
        assert_eq!(chance.below(256), 7);
        assert_eq!(chance.below(257), 0x102 % 257);
        assert!(!chance.is_exhausted());
        assert_eq!(chance.pick(&[10, 20, 30, 40]), 40, "255 modulo 4 is 3");
        assert!(chance.is_exhausted());
        assert_eq!((chance.below(1000), chance.chance(1)), (0, true));
    }
}
