//! Where doorbells wait until the card is polled.

use core::sync::atomic::{AtomicU64, Ordering};

/// One cell a queue and a bitmap of those that are not empty. Ringing is two atomic additions; no
/// access runs the data path.
#[derive(Debug)]
pub struct DoorbellCells {
    cells: Box<[AtomicU64]>,
    active: Box<[AtomicU64]>,
}

impl DoorbellCells {
    /// Cells of `queues` queues.
    #[must_use]
    pub fn new(queues: usize) -> Self {
        let zeroed = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        Self { cells: zeroed(queues), active: zeroed(queues.div_ceil(64)) }
    }

    /// Adds `units` to the cell of queue `index`; `false` if there is no such queue.
    ///
    /// Release: what the host wrote into the ring before is seen by whoever takes the cell.
    pub fn ring(&self, index: usize, units: u64) -> bool {
        let (Some(cell), Some(word)) = (self.cells.get(index), self.active.get(index / 64)) else {
            return false;
        };
        // Pairs with the Acquire in `take`.
        cell.fetch_add(units, Ordering::Release);
        word.fetch_or(1 << (index % 64), Ordering::Release);
        true
    }

    /// Whether a cell was rung.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.active.iter().any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Empties all cells that were rung: `taken` gets queue index and sum.
    pub fn take(&self, mut taken: impl FnMut(usize, u64)) {
        for (at, word) in self.active.iter().enumerate() {
            // A plain look first: an exchange would take the cache line from the host each time.
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::Acquire);
            while bits != 0 {
                let index = at * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                // Pairs with the Release in `ring`.
                let units = self.cells[index].swap(0, Ordering::Acquire);
                if units != 0 {
                    taken(index, units);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(cells: &DoorbellCells) -> Vec<(usize, u64)> {
        let mut all = Vec::new();
        cells.take(|index, units| all.push((index, units)));
        all
    }

    #[test]
    fn doorbells_add_up_until_they_are_taken() {
        let cells = DoorbellCells::new(130);
        assert!(cells.ring(3, 1) && cells.ring(129, 7) && cells.ring(3, 2));
        assert_eq!(taken(&cells), [(3, 3), (129, 7)]);
        assert_eq!(taken(&cells), []);
        assert!(cells.ring(3, 4));
        assert_eq!(taken(&cells), [(3, 4)], "what was taken counts no more");
        assert!(!cells.ring(130, 1), "no such queue");
    }

    #[test]
    fn no_doorbell_is_lost_between_threads() {
        let cells = DoorbellCells::new(2);
        let mut sums = [0; 2];
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..10_000).for_each(|n| assert!(cells.ring(n % 2, 1))));
            }
            while sums.iter().sum::<u64>() < 20_000 {
                cells.take(|index, units| sums[index] += units);
            }
        });
        assert_eq!(sums, [10_000, 10_000]);
    }
}
