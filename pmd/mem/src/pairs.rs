//! Counts of a table with two sides: how often which event found which state.

/// A count for each of `A` × `B` pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs<const A: usize, const B: usize>([[u64; B]; A]);

impl<const A: usize, const B: usize> Default for Pairs<A, B> {
    fn default() -> Self {
        Self([[0; B]; A])
    }
}

impl<const A: usize, const B: usize> Pairs<A, B> {
    /// The pair came once more.
    pub const fn note(&mut self, a: usize, b: usize) {
        self.0[a][b] += 1;
    }

    /// Every pair, and how often it came.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        let rows = self.0.iter().enumerate();
        rows.flat_map(|(a, row)| row.iter().enumerate().map(move |(b, &count)| (a, b, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_apart() {
        let mut pairs = Pairs::<2, 3>::default();
        pairs.note(1, 2);
        pairs.note(1, 2);
        pairs.note(0, 1);
        let counts: Vec<_> = pairs.iter().filter(|(.., count)| *count > 0).collect();
        assert_eq!((counts, pairs.iter().count()), (vec![(0, 1, 1), (1, 2, 2)], 6));
    }
}
