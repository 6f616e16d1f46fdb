//! What went over each cable, as time went by.

use mafo::Nanos;

use super::world::Line;

/// The shortest time between two samples.
const EVERY: Nanos = Nanos::from_millis(1);
/// Samples at most: half an hour.
const SAMPLES_MAX: usize = 1_800_000;

/// Bytes over each cable until an instant: in, out.
#[derive(Clone, Debug)]
struct Sample {
    at: Nanos,
    bytes: Vec<[u64; 2]>,
}

/// Throughput of all cables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    list: Vec<Sample>,
}

impl Samples {
    /// Looks at the cables, if it is time.
    pub(super) fn look(&mut self, now: Nanos, lines: &[Line]) {
        let due = self.list.last().is_none_or(|last| now - last.at >= EVERY);
        if due && self.list.len() < SAMPLES_MAX {
            let bytes = lines.iter().map(|line| line.seen.bytes()).collect();
            self.list.push(Sample { at: now, bytes });
        }
    }

    /// From the first look to the last.
    pub(super) fn span(&self) -> (Nanos, Nanos) {
        let at = |sample: Option<&Sample>| sample.map_or(Nanos::ZERO, |sample| sample.at);
        (at(self.list.first()), at(self.list.last()))
    }

    /// Bits per second of one direction (0: in, 1: out) of a line, between `from` and `to`, each in a bin of
    /// at least `bin`; by the middle of the bin.
    pub(super) fn rate(
        &self,
        (line, direction): (usize, usize),
        (from, to): (Nanos, Nanos),
        bin: Nanos,
    ) -> Vec<(Nanos, f64)> {
        let within = self.list.iter().filter(|sample| (from..=to).contains(&sample.at));
        let mut rates = Vec::new();
        let mut begin: Option<&Sample> = None;
        for sample in within {
            let Some(first) = begin else {
                begin = Some(sample);
                continue;
            };
            let time = sample.at - first.at;
            if time >= bin {
                let bytes = sample.bytes[line][direction] - first.bytes[line][direction];
                let middle = first.at + Nanos(time.0 / 2);
                rates.push((middle, 8.0 * bytes as f64 / time.as_secs_f64()));
                begin = Some(sample);
            }
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_whole_bins() {
        let ms = Nanos::from_millis;
        let sample = |(at, bytes)| Sample { at: ms(at), bytes: vec![[0, bytes]] };
        let list = [(0, 0), (1, 125), (2, 250), (5, 1000), (6, 1000), (7, 1000)].map(sample);
        let samples = Samples { list: list.to_vec() };
        assert_eq!(samples.span(), (ms(0), ms(7)));
        let rate = |from, to, bin| samples.rate((0, 1), (ms(from), ms(to)), ms(bin));
        assert_eq!(rate(0, 7, 2), [(ms(1), 1e6), (Nanos(3_500_000), 2e6), (ms(6), 0.0)]);
        assert_eq!(rate(2, 5, 1), [(Nanos(3_500_000), 2e6)]);
        assert_eq!(rate(8, 9, 1), []);
        assert_eq!(samples.rate((0, 0), (ms(0), ms(7)), ms(5)), [(Nanos(2_500_000), 0.0)]);
        assert_eq!(Samples::default().span(), (ms(0), ms(0)));
    }
}
