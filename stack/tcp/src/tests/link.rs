//! A cable that delays, loses, reorders and doubles.

use std::collections::BTreeMap;

use mafo_mem::Nanos;

use crate::script::Chance;
use crate::{Ecn, Segment};

/// How bad it is; probabilities in a thousandth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    pub(super) loss: u64,
    pub(super) duplicate: u64,
    pub(super) reorder: u64,
    /// Marks what may be marked.
    pub(super) mark: u64,
    pub(super) delay: Nanos,
}

impl Quality {
    pub(super) fn draw(rng: &mut Chance<'_>) -> Self {
        Self {
            loss: rng.pick(&[0, 0, 10, 50, 150, 300]),
            duplicate: rng.pick(&[0, 0, 20, 100]),
            reorder: rng.pick(&[0, 0, 20, 200]),
            mark: rng.pick(&[0, 0, 10, 200]),
            delay: Nanos::from_micros(rng.magnitude(17)),
        }
    }
}

/// What is under way in one direction, by arrival.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) quality: Quality,
    under_way: BTreeMap<(Nanos, u64), (Segment, Vec<u8>)>,
    count: u64,
}

impl Link {
    pub(super) fn new(quality: Quality) -> Self {
        Self { quality, under_way: BTreeMap::new(), count: 0 }
    }

    pub(super) fn send(&mut self, rng: &mut Chance<'_>, now: Nanos, frame: (Segment, Vec<u8>)) {
        let copies = 1 + u64::from(rng.chance(self.quality.duplicate));
        for _ in 0..copies {
            if rng.chance(self.quality.loss) {
                continue;
            }
            let late = if rng.chance(self.quality.reorder) {
                Nanos::from_micros(rng.magnitude(18))
            } else {
                Nanos::ZERO
            };
            self.count += 1;
            let mut frame = frame.clone();
            if frame.0.ecn == Ecn::Ect0 && rng.chance(self.quality.mark) {
                frame.0.ecn = Ecn::Ce;
            }
            self.under_way.insert((now + self.quality.delay + late, self.count), frame);
        }
    }

    pub(super) fn next_arrival(&self) -> Option<Nanos> {
        self.under_way.keys().next().map(|&(at, _)| at)
    }

    pub(super) fn receive(&mut self, now: Nanos) -> Option<(Segment, Vec<u8>)> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
