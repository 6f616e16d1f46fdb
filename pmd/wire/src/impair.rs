//! What may happen to a frame on its way: one engine for every wire.
//!
//! ```text
//!  admit ──► lost? ──► rate limit ──► corrupt? ──► duplicate? ──► delay, reorder? ──► deliver
//!              │          │ queue full                                  ▲
//!              ▼          ▼                                             └ in order of due times
//! ```
//!
//! A frame's fate is drawn when it is admitted, from the seed, in order: it does not depend on when or
//! how often the far end polls.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::num::NonZeroU64;

use mafo_mem::{Frame, FramePool, Full, Nanos};
use rand_core::Rng;
use rand_pcg::Pcg64;

/// What a direction of a wire does to its frames. The default is a good cable: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairments {
    /// Time under way, the same for every frame.
    pub delay: Nanos,
    /// A frame is lost.
    pub loss: Probability,
    /// A frame arrives twice, one copy behind the other.
    pub duplicate: Probability,
    /// One bit of a frame is inverted.
    pub corrupt: Probability,
    /// A frame is held back so that later ones may overtake it.
    pub reorder: Probability,
    /// The longest a reordered frame is held back; the time is drawn from 1 ns to this.
    pub reorder_hold: Nanos,
    /// Bits per second.
    pub rate: Option<Rate>,
}

impl Impairments {
    /// No impairment at all.
    pub const NONE: Self = Self {
        delay: Nanos::ZERO,
        loss: Probability::NEVER,
        duplicate: Probability::NEVER,
        corrupt: Probability::NEVER,
        reorder: Probability::NEVER,
        reorder_hold: Nanos::ZERO,
        rate: None,
    };

    /// Whether frames pass as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// A probability from 0 to 1, to a precision of 2^-63.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Probability(u64);

/// A number that is no probability.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a probability: it is not between 0 and 1")]
pub struct NotAProbability(pub f64);

impl Probability {
    /// Impossible.
    pub const NEVER: Self = Self(0);
    /// Certain.
    pub const ALWAYS: Self = Self(1 << 63);

    /// `p` from 0 to 1, both included.
    pub fn new(p: f64) -> Result<Self, NotAProbability> {
        if !(0.0..=1.0).contains(&p) {
            return Err(NotAProbability(p));
        }
        // Exact: a power of two, and at most 2^63.
        Ok(Self((p * Self::ALWAYS.0 as f64) as u64))
    }

    /// Whether it happens this time. What is impossible draws nothing.
    fn happens(self, rng: &mut Pcg64) -> bool {
        self != Self::NEVER && rng.next_u64() >> 1 < self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = NotAProbability;
    fn try_from(p: f64) -> Result<Self, NotAProbability> {
        Self::new(p)
    }
}

impl std::fmt::Debug for Probability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0 as f64 / Self::ALWAYS.0 as f64)
    }
}

/// A line rate and the queue before it. Each frame takes the line for its bytes and
/// [`Rate::OVERHEAD`]; what would make the queue longer than its limit is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bits per second on the line.
    pub bits_per_second: NonZeroU64,
    /// Bytes that may wait for the line when a frame comes.
    pub queue_bytes: u64,
}

impl Rate {
    /// Bytes that a frame occupies on an Ethernet line beside its own: preamble and start delimiter
    /// (8), frame check sequence (4), gap to the next frame (12).
    pub const OVERHEAD: u64 = 24;
}

/// The time that `bytes` take at one bit a second, in nanoseconds.
fn line_work(bytes: u64) -> u64 {
    bytes.saturating_mul(8).saturating_mul(1_000_000_000)
}

mafo_mem::counters! {
    /// What became of the frames of one direction. Unless frames are still under way,
    /// `admitted + duplicated = lost + queue_dropped + cleared + delivered`.
    pub struct ImpairCounters {
        /// Frames that entered.
        admitted,
        /// Frames lost by chance.
        lost,
        /// Frames dropped because the rate limit's queue was full.
        queue_dropped,
        /// Frames of which one bit was inverted.
        corrupted,
        /// Copies made.
        duplicated,
        /// Frames held back.
        reordered,
        /// Frames dropped because the carrier went while they were under way.
        cleared,
        /// Frames and copies that left, in whatever state.
        delivered,
    }
}

/// One direction of a wire that impairs its frames.
#[derive(Debug)]
pub struct Impairer {
    config: Impairments,
    rng: Pcg64,
    pool: FramePool,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    admitted: u64,
    /// When the last frame that was not reordered is due.
    last_due: Nanos,
    line: Line,
    counters: ImpairCounters,
}

/// A frame on its way. Frames due at the same time leave in the order in which they came.
#[derive(Debug)]
struct UnderWay {
    due: Nanos,
    place: u64,
    frame: Frame,
}

/// The line behind a rate limit.
#[derive(Debug, Default)]
struct Line {
    /// When the line has sent all that was given to it.
    free: Nanos,
    /// The part of a nanosecond, in units of 1/rate, by which it is later.
    remainder: u64,
}

impl Impairer {
    /// A direction with at most `frames` frames (and never less than two) of `frame_capacity` bytes
    /// under way. Two directions of one cable differ in `stream`.
    #[must_use]
    pub fn new(
        config: Impairments,
        seed: u64,
        stream: u64,
        frames: usize,
        frame_capacity: usize,
    ) -> Self {
        Self {
            config,
            rng: Pcg64::new(seed.into(), stream.into()),
            pool: FramePool::new(frames.max(2), frame_capacity),
            under_way: BinaryHeap::new(),
            admitted: 0,
            last_due: Nanos::ZERO,
            line: Line::default(),
            counters: ImpairCounters::new(),
        }
    }

    /// Whether frames pass as they are and none is under way, so that they need not be admitted.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.under_way.is_empty() && self.config.is_none()
    }

    /// What happens to frames that are admitted from now on.
    pub fn set_impairments(&mut self, config: Impairments) {
        self.config = config;
    }

    /// What happens to frames.
    #[must_use]
    pub fn impairments(&self) -> &Impairments {
        &self.config
    }

    /// What became of the frames so far.
    #[must_use]
    pub fn counters(&self) -> &ImpairCounters {
        &self.counters
    }

    /// Frames under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether no frame is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Frames that may be admitted, each leaving room for a copy of it.
    #[must_use]
    pub fn room(&self) -> usize {
        self.pool.available() / 2
    }

    /// When the first frame is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.under_way.peek().map(|Reverse(first)| first.due)
    }

    /// Takes over the content of `frame` (as [`Frame::take_from`] does), which was sent at `sent`.
    /// [`Full`] without [`Impairer::room`], or if it does not fit a buffer.
    pub fn admit(&mut self, sent: Nanos, frame: &mut Frame) -> Result<(), Full> {
        self.admit_with(sent, frame.as_slice().len(), |held| held.take_from(frame))
    }

    /// [`Impairer::admit`] of a copy.
    pub fn admit_copy(&mut self, sent: Nanos, bytes: &[u8]) -> Result<(), Full> {
        self.admit_with(sent, bytes.len(), |held| held.copy_from(bytes))
    }

    /// Gives `take` every frame that is due at `now`, earliest first, until it answers [`Full`], which
    /// leaves that frame under way. Returns how many it took.
    pub fn deliver(
        &mut self,
        now: Nanos,
        mut take: impl FnMut(&mut Frame) -> Result<(), Full>,
    ) -> usize {
        let mut taken = 0;
        while let Some(mut first) = self.under_way.peek_mut() {
            if first.0.due > now || take(&mut first.0.frame).is_err() {
                break;
            }
            self.pool.give(PeekMut::pop(first).0.frame);
            taken += 1;
        }
        self.counters.delivered += taken as u64;
        taken
    }

    /// Loses everything under way; returns how many frames that were.
    pub fn clear(&mut self) -> usize {
        self.clear_with(|_| {})
    }

    /// The same; `note` is told of each frame, in no order.
    pub(crate) fn clear_with(&mut self, note: impl Fn(&[u8])) -> usize {
        let lost = self.under_way.len();
        for Reverse(UnderWay { frame, .. }) in self.under_way.drain() {
            note(frame.as_slice());
            self.pool.give(frame);
        }
        self.counters.cleared += lost as u64;
        self.line = Line::default();
        lost
    }

    fn admit_with(
        &mut self,
        sent: Nanos,
        len: usize,
        fill: impl FnOnce(&mut Frame) -> Result<(), Full>,
    ) -> Result<(), Full> {
        if self.room() == 0 || len > self.pool.frame_capacity() {
            return Err(Full);
        }
        self.counters.admitted += 1;
        if self.config.loss.happens(&mut self.rng) {
            self.counters.lost += 1;
            return Ok(());
        }
        let Some(sent) = self.line.pass(sent, len, self.config.rate) else {
            self.counters.queue_dropped += 1;
            return Ok(());
        };
        let mut frame = self.pool.take().ok_or(Full)?;
        if fill(&mut frame).is_err() {
            self.pool.give(frame);
            return Err(Full);
        }
        self.corrupt(&mut frame);
        let due = self.due(sent);
        self.duplicate(due, &frame);
        self.depart(due, frame);
        Ok(())
    }

    fn corrupt(&mut self, frame: &mut Frame) {
        let bytes = frame.as_mut_slice();
        if bytes.is_empty() || !self.config.corrupt.happens(&mut self.rng) {
            return;
        }
        let bit = self.below(bytes.len() as u64 * 8) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        self.counters.corrupted += 1;
    }

    fn duplicate(&mut self, due: Nanos, frame: &Frame) {
        if !self.config.duplicate.happens(&mut self.rng) {
            return;
        }
        let Some(mut copy) = self.pool.take() else { return };
        if copy.copy_from(frame.as_slice()).is_ok() {
            self.counters.duplicated += 1;
            self.depart(due, copy);
        } else {
            self.pool.give(copy);
        }
    }

    /// When a frame that left at `sent` is due.
    fn due(&mut self, sent: Nanos) -> Nanos {
        let due = sent + self.config.delay;
        if self.config.reorder_hold > Nanos::ZERO && self.config.reorder.happens(&mut self.rng) {
            self.counters.reordered += 1;
            return due + Nanos(1 + self.below(self.config.reorder_hold.0));
        }
        // A delay that was shortened, or a sender's clock that went back, reorders nothing.
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    fn depart(&mut self, due: Nanos, frame: Frame) {
        let place = self.admitted;
        self.admitted += 1;
        self.under_way.push(Reverse(UnderWay { due, place, frame }));
    }

    /// A number below `limit`, which is not zero.
    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.rng.next_u64()) * u128::from(limit)) >> 64) as u64
    }
}

impl Line {
    /// When the last bit of a frame of `len` bytes, which comes at `sent`, is on the line; `None` if
    /// its queue is full.
    fn pass(&mut self, sent: Nanos, len: usize, rate: Option<Rate>) -> Option<Nanos> {
        let Some(Rate { bits_per_second, queue_bytes }) = rate else { return Some(sent) };
        let rate = bits_per_second.get();
        let backlog = self.free - sent;
        if backlog.0 > line_work(queue_bytes) / rate {
            return None;
        }
        if backlog == Nanos::ZERO {
            *self = Self { free: sent, remainder: 0 };
        }
        let work = line_work(len as u64 + Rate::OVERHEAD).saturating_add(self.remainder);
        self.free += Nanos(work / rate);
        self.remainder = work % rate;
        Some(self.free)
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.place).cmp(&(other.due, other.place))
    }
}

#[cfg(test)]
mod tests;
