//! What passes: an end of the link that counts frames, and the times that exchanges take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mafo::failover::Distribution;
use mafo::wire::{Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};

/// Frames that an end has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) frames: u64,
    /// Bytes of these, all of which the link has copied.
    pub(super) bytes: u64,
    /// Calls in which they were sent.
    pub(super) bursts: u64,
}

/// How much an end has sent so far, for whoever does not have that end.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<[AtomicU64; 3]>);

impl Tally {
    pub(super) fn passed(&self) -> Passed {
        let [frames, bytes, bursts] = [0, 1, 2].map(|n| self.0[n].load(Ordering::Relaxed));
        Passed { frames, bytes, bursts }
    }

    /// One writer only: no bus is locked.
    fn add(&self, more: [u64; 3]) {
        for (count, more) in self.0.iter().zip(more) {
            count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        }
    }
}

/// An end of the link that counts what it sends.
pub(super) struct Counted<W> {
    end: W,
    tally: Tally,
}

impl<W> Counted<W> {
    pub(super) fn new(end: W) -> (Self, Tally) {
        let tally = Tally::default();
        (Self { end, tally: tally.clone() }, tally)
    }
}

impl<W: Wire> Wire for Counted<W> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.end.rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        let taken = self.end.tx_burst(now, frames);
        if taken > 0 {
            let bytes = frames[..taken].iter().map(|frame| frame.as_slice().len() as u64).sum();
            self.tally.add([taken as u64, bytes, 1]);
        }
        taken
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.end.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.end.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.end.counters()
    }
}

/// Times of exchanges. Those that end in one turn have mostly begun in one: they are entered together.
#[derive(Debug, Default)]
pub(super) struct Times {
    all: Distribution,
    last: Nanos,
    count: u64,
}

impl Times {
    pub(super) fn note(&mut self, time: Nanos) {
        if time != self.last {
            self.enter();
            self.last = time;
        }
        self.count += 1;
    }

    fn enter(&mut self) {
        if self.count > 0 {
            self.all.record_many(self.last, core::mem::take(&mut self.count));
        }
    }

    /// The times since this was last asked for.
    pub(super) fn take(&mut self) -> Distribution {
        self.enter();
        core::mem::take(&mut self.all)
    }
}

#[cfg(test)]
mod tests {
    use mafo::wire::mem::{LinkConfig, link};

    use super::*;

    #[test]
    fn what_is_sent_is_counted_once() {
        let (a, mut b) = link(&LinkConfig::default());
        let (mut a, tally) = Counted::new(a);
        let mut frames = FrameBurst::new(4, 2048);
        for len in [60, 100, 1514] {
            frames.spare().expect("room").set_len(len);
            frames.commit();
        }
        assert_eq!(a.tx_burst(Nanos::ZERO, frames.frames()), 3);
        assert_eq!(a.tx_burst(Nanos::ZERO, &[]), 0);
        assert_eq!(tally.passed(), Passed { frames: 3, bytes: 1674, bursts: 1 });
        let mut received = FrameBurst::new(4, 2048);
        assert_eq!(b.rx_burst(Nanos::ZERO, &mut received), 3);
        assert_eq!(b.tx_burst(Nanos::ZERO, &frames.frames()[..1]), 1);
        assert_eq!(tally.passed().frames, 3, "the other end's are not this end's");
    }

    #[test]
    fn every_time_is_entered_and_taken_once() {
        let mut times = Times::default();
        for us in [5, 5, 9, 5] {
            times.note(Nanos::from_micros(us));
        }
        let all = times.take();
        assert_eq!((all.count(), all.max()), (4, Nanos::from_micros(9)));
        assert_eq!(all.quantile(0.75).as_micros(), 5);
        times.note(Nanos::from_micros(7));
        assert_eq!(times.take().count(), 1);
    }
}
