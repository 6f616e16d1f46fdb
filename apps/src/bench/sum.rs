//! What is written on a connection, and the running sum by which both ends know that it is the same.

/// The odd constant of a Weyl sequence: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes in a word.
const WORD: usize = size_of::<u64>();

/// Words that are summed side by side: both sums of each stay in a register.
const LANES: usize = 8;
/// Rounds from which on that pays.
const ROUNDS_LEAST: usize = 4;

/// What a sender writes: a different word each time, as cheap as writing memory can be.
#[derive(Debug)]
pub(super) struct Pattern {
    word: u64,
}

impl Pattern {
    /// The pattern of one connection and direction.
    pub(super) fn new(stream: usize) -> Self {
        Self { word: (stream as u64).wrapping_mul(STEP.rotate_left(32)) }
    }

    /// Writes every byte of `out`.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        let (words, tail) = out.as_chunks_mut::<WORD>();
        let mut next = self.word;
        for word in words {
            next = next.wrapping_add(STEP);
            *word = next.to_le_bytes();
        }
        self.word = next;
        if !tail.is_empty() {
            self.word = self.word.wrapping_add(STEP);
            tail.copy_from_slice(&self.word.to_le_bytes()[..tail.len()]);
        }
    }
}

/// A sum over a stream of bytes that does not depend on the pieces in which they come, but on their
/// places: Fletcher's, over words of eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RunningSum {
    bytes: u64,
    sum: u64,
    sum_of_sums: u64,
    /// The word that the last byte lies in, as far as it is known.
    partial: u64,
}

impl RunningSum {
    /// Bytes seen.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads every byte of `data`, the next of the stream.
    pub(super) fn add(&mut self, data: &[u8]) {
        let within = (self.bytes % WORD as u64) as usize;
        self.bytes += data.len() as u64;
        let mut rest = data;
        if within > 0 {
            let (head, behind) = data.split_at(data.len().min(WORD - within));
            self.add_bytes(within, head);
            rest = behind;
        }
        let (words, tail) = rest.as_chunks::<WORD>();
        let (rounds, words) = match words.as_chunks::<LANES>() {
            (rounds, _) if rounds.len() < ROUNDS_LEAST => (&[][..], words),
            in_rounds => in_rounds,
        };
        if !rounds.is_empty() {
            self.add_rounds(rounds);
        }
        let (mut sum, mut sum_of_sums) = (self.sum, self.sum_of_sums);
        for word in words {
            sum = sum.wrapping_add(u64::from_le_bytes(*word));
            sum_of_sums = sum_of_sums.wrapping_add(sum);
        }
        (self.sum, self.sum_of_sums) = (sum, sum_of_sums);
        if !tail.is_empty() {
            self.add_bytes(0, tail);
        }
    }

    /// Words in rounds of [`LANES`], each lane summed by itself, which the compiler makes vectors of. As if they came one after
    /// the other: a word that is the lth of its round counts once for each word from it on, which is LANES times for each
    /// round from its own on, less l.
    #[inline(never)]
    fn add_rounds(&mut self, rounds: &[[[u8; WORD]; LANES]]) {
        let (mut sums, mut sums_of_sums) = ([0_u64; LANES], [0_u64; LANES]);
        for round in rounds {
            for lane in 0..LANES {
                sums[lane] = sums[lane].wrapping_add(u64::from_le_bytes(round[lane]));
                sums_of_sums[lane] = sums_of_sums[lane].wrapping_add(sums[lane]);
            }
        }
        let words = (rounds.len() * LANES) as u64;
        self.sum_of_sums = self.sum_of_sums.wrapping_add(words.wrapping_mul(self.sum));
        for lane in 0..LANES {
            let (sum, sum_of_sums) = (sums[lane], sums_of_sums[lane].wrapping_mul(LANES as u64));
            let less = sum.wrapping_mul(lane as u64);
            self.sum_of_sums = self.sum_of_sums.wrapping_add(sum_of_sums).wrapping_sub(less);
            self.sum = self.sum.wrapping_add(sum);
        }
    }

    fn add_word(&mut self, word: u64) {
        self.sum = self.sum.wrapping_add(word);
        self.sum_of_sums = self.sum_of_sums.wrapping_add(self.sum);
    }

    /// Bytes of one word, from place `at` in it.
    fn add_bytes(&mut self, at: usize, bytes: &[u8]) {
        for (n, &byte) in bytes.iter().enumerate() {
            self.partial |= u64::from(byte) << (8 * (at + n));
        }
        if at + bytes.len() == WORD {
            let word = core::mem::take(&mut self.partial);
            self.add_word(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(pieces: &[&[u8]]) -> RunningSum {
        let mut sum = RunningSum::default();
        pieces.iter().for_each(|piece| sum.add(piece));
        sum
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter_and_every_byte_does(
            data in prop::collection::vec(any::<u8>(), 1..1200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            at: prop::sample::Index,
            change in 1_u8..,
        ) {
            let whole = sum(&[&data]);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len())).collect();
            cuts.sort_unstable();
            let mut rest = &data[..];
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut - (data.len() - rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            prop_assert_eq!(sum(&pieces), whole);
            prop_assert_eq!(whole.bytes(), data.len() as u64);

            let mut changed = data.clone();
            changed[at.index(data.len())] ^= change;
            prop_assert_ne!(sum(&[&changed]), whole);
        }
    }

    #[test]
    fn two_words_in_the_wrong_order_are_seen() {
        let mut data = [0; 32];
        Pattern::new(1).fill(&mut data);
        let (a, b, c) = (&data[..8], &data[8..16], &data[16..]);
        assert_ne!(sum(&[a, b, c]), sum(&[b, a, c]));
    }

    #[test]
    fn a_pattern_writes_every_byte_and_does_not_repeat() {
        let mut pattern = Pattern::new(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut out = [0; 19];
            pattern.fill(&mut out);
            assert!(seen.insert(out), "the same bytes twice");
            assert_ne!(out[16..], [0; 3], "the last bytes are written too");
        }
    }
}
