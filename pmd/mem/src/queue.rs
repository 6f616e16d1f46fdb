//! Frames that wait: a bounded queue whose buffers stay warm.
//!
//! For output queues of ports, hold rings and tunnels. What does not fit is dropped and counted, as
//! a switch does.

use std::collections::VecDeque;

use crate::frame::{Frame, FrameBurst, Full};

/// Empty frames, the one used last on top: while few are in use, they are the same few, in cache.
///
/// Frames are allocated when the pool is empty, up to its limit, and never freed; after
/// [`FramePool::preallocate`] there is no allocation at all.
#[derive(Debug)]
pub struct FramePool {
    spares: Vec<Frame>,
    frame_capacity: usize,
    /// Frames that may still be allocated.
    unborn: usize,
}

impl FramePool {
    /// A pool of at most `frames` frames of `frame_capacity` bytes.
    #[must_use]
    pub fn new(frames: usize, frame_capacity: usize) -> Self {
        Self { spares: Vec::new(), frame_capacity, unborn: frames }
    }

    /// Allocates now what would be allocated on demand.
    pub fn preallocate(&mut self) {
        self.spares.reserve_exact(self.unborn);
        for _ in 0..core::mem::take(&mut self.unborn) {
            self.spares.push(Frame::with_capacity(self.frame_capacity));
        }
    }

    /// The frame that was given back last, or a new one. Its content is undefined.
    #[inline]
    pub fn take(&mut self) -> Option<Frame> {
        self.spares.pop().or_else(|| {
            self.unborn = self.unborn.checked_sub(1)?;
            Some(Frame::with_capacity(self.frame_capacity))
        })
    }

    /// Gives back a frame that [`FramePool::take`] gave, or one as large.
    #[inline]
    pub fn give(&mut self, frame: Frame) {
        debug_assert_eq!(frame.capacity(), self.frame_capacity, "a frame of another pool");
        self.spares.push(frame);
    }

    /// Frames that [`FramePool::take`] can still give.
    #[must_use]
    pub fn available(&self) -> usize {
        self.spares.len() + self.unborn
    }

    /// Bytes of each frame's buffer.
    #[must_use]
    pub fn frame_capacity(&self) -> usize {
        self.frame_capacity
    }
}

crate::counters! {
    /// What a [`FrameQueue`] took and what it dropped.
    pub struct QueueCounters {
        /// Frames that were queued.
        enqueued_frames,
        /// Frames dropped because the queue was full.
        dropped_full,
        /// Frames dropped because they were longer than a buffer.
        dropped_oversize,
        /// Frames dropped by [`FrameQueue::clear`].
        dropped_cleared,
    }
}

/// A bounded first-in first-out queue of frames. What does not fit is counted and dropped.
#[derive(Debug)]
pub struct FrameQueue {
    queued: VecDeque<Frame>,
    pool: FramePool,
    capacity: usize,
    counters: QueueCounters,
}

impl FrameQueue {
    /// An empty queue for `capacity` frames of up to `frame_capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize, frame_capacity: usize) -> Self {
        Self {
            queued: VecDeque::with_capacity(capacity),
            pool: FramePool::new(capacity, frame_capacity),
            capacity,
            counters: QueueCounters::new(),
        }
    }

    /// Allocates all buffers now.
    pub fn preallocate(&mut self) {
        self.pool.preallocate();
    }

    /// Frames that the queue holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Frames in the queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// Whether no frame is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether another frame would be dropped.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queued.len() == self.capacity
    }

    /// What was queued and dropped since the queue was made.
    #[must_use]
    pub fn counters(&self) -> &QueueCounters {
        &self.counters
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.enqueue(|frame| frame.copy_from(bytes))
    }

    /// Appends the content of `frame` as [`Frame::take_from`] does.
    pub fn push_frame(&mut self, frame: &mut Frame) -> Result<(), Full> {
        self.enqueue(|queued| queued.take_from(frame))
    }

    /// Appends a frame that `fill` writes in place; it is given the whole buffer and answers how
    /// many bytes of it are the frame, or `None` for no frame after all, which counts nothing.
    /// Panics if that is more than the buffer. [`Full`], and `fill` not called, if there is no room.
    pub fn push_with(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Result<bool, Full> {
        let mut frame = self.room()?;
        let Some(len) = fill(frame.buffer_mut()) else {
            self.pool.give(frame);
            return Ok(false);
        };
        frame.set_len(len);
        self.counters.enqueued_frames += 1;
        self.queued.push_back(frame);
        Ok(true)
    }

    /// The oldest frame.
    #[must_use]
    pub fn front(&self) -> Option<&Frame> {
        self.queued.front()
    }

    /// The frames, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.queued.iter()
    }

    /// The oldest frames, as many as lie side by side, for a `tx_burst`; [`FrameQueue::release`]
    /// then removes those that were taken.
    #[must_use]
    pub fn front_burst(&self) -> &[Frame] {
        self.queued.as_slices().0
    }

    /// Removes the oldest `count` frames. Panics if there are fewer.
    pub fn release(&mut self, count: usize) {
        assert!(count <= self.len(), "{count} frames released, {} queued", self.len());
        for frame in self.queued.drain(..count) {
            self.pool.give(frame);
        }
    }

    /// Lets `read` look at the oldest frame, whose buffer then returns to the pool.
    pub fn pop<R>(&mut self, read: impl FnOnce(&Frame) -> R) -> Option<R> {
        let frame = self.queued.pop_front()?;
        let answer = read(&frame);
        self.pool.give(frame);
        Some(answer)
    }

    /// Moves frames to the end of `burst`, oldest first, until one of both ends; returns how many.
    /// A frame that is longer than a buffer of the burst is dropped and counted.
    pub fn pop_burst(&mut self, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        while !burst.is_full() {
            let Some(mut frame) = self.queued.pop_front() else { break };
            if burst.push_frame(&mut frame).is_err() {
                self.counters.dropped_oversize += 1;
            }
            self.pool.give(frame);
        }
        burst.len() - before
    }

    /// Drops all frames and counts them; returns how many.
    pub fn clear(&mut self) -> usize {
        let dropped = self.queued.len();
        self.counters.dropped_cleared += dropped as u64;
        // From the end, so that the buffer that would have been used next lies on top.
        while let Some(frame) = self.queued.pop_back() {
            self.pool.give(frame);
        }
        dropped
    }

    #[inline]
    fn enqueue(&mut self, fill: impl FnOnce(&mut Frame) -> Result<(), Full>) -> Result<(), Full> {
        let mut frame = self.room()?;
        if fill(&mut frame).is_err() {
            self.counters.dropped_oversize += 1;
            self.pool.give(frame);
            return Err(Full);
        }
        self.counters.enqueued_frames += 1;
        self.queued.push_back(frame);
        Ok(())
    }

    fn room(&mut self) -> Result<Frame, Full> {
        self.pool.take().ok_or_else(|| {
            self.counters.dropped_full += 1;
            Full
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(queue: &FrameQueue) -> Vec<&[u8]> {
        queue.iter().map(Frame::as_slice).collect()
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let mut queue = FrameQueue::new(2, 4);
        assert_eq!(queue.push(&[1]), Ok(()));
        assert_eq!(queue.push(&[2; 5]), Err(Full), "longer than a buffer");
        assert_eq!(queue.push(&[2; 4]), Ok(()), "the buffer was given back");
        assert!(queue.is_full());
        assert_eq!(queue.push(&[3]), Err(Full));
        assert_eq!(queue.push_with(|_| panic!("called without room")), Err(Full));
        assert_eq!(content(&queue), [&[1][..], &[2; 4]]);
        let expected = QueueCounters {
            enqueued_frames: 2,
            dropped_full: 2,
            dropped_oversize: 1,
            ..QueueCounters::new()
        };
        assert_eq!(*queue.counters(), expected);
    }

    #[test]
    fn frames_leave_in_order_into_bursts() {
        let mut queue = FrameQueue::new(5, 8);
        for i in 0..5 {
            queue.push(&[i]).expect("room");
        }
        let mut burst = FrameBurst::new(3, 8);
        assert_eq!(queue.pop_burst(&mut burst), 3);
        assert_eq!(queue.pop_burst(&mut burst), 0, "the burst is full");
        let seen: Vec<u8> = burst.frames().iter().map(|frame| frame.as_slice()[0]).collect();
        assert_eq!(seen, [0, 1, 2]);
        assert_eq!(queue.pop(|frame| frame.as_slice()[0]), Some(3));
        queue.push(&[5]).expect("room again");
        assert_eq!(queue.front().map(Frame::as_slice), Some(&[4][..]));
        burst.clear();
        assert_eq!(queue.pop_burst(&mut burst), 2);
        assert_eq!(queue.pop(|_| ()), None);
        assert_eq!(*queue.counters(), QueueCounters { enqueued_frames: 6, ..QueueCounters::new() });
    }

    #[test]
    fn frames_are_sent_from_where_they_lie() {
        let mut queue = FrameQueue::new(3, 4);
        let mut sent = Vec::new();
        for round in 0..6 {
            while queue.push(&[round * 3 + queue.len() as u8]).is_ok() {}
            // Takes two of three, or what lies before the ring's seam.
            let front = queue.front_burst();
            let taken = front.len().min(2);
            assert!(taken > 0, "a queue that is not empty offers a frame");
            sent.extend(front[..taken].iter().map(|frame| frame.as_slice()[0]));
            queue.release(taken);
        }
        sent.extend(queue.iter().map(|frame| frame.as_slice()[0]));
        assert_eq!(sent.len() as u64, queue.counters().enqueued_frames);
        assert!(sent.is_sorted(), "{sent:?}");
        queue.release(queue.len());
        assert_eq!((queue.is_empty(), queue.front_burst().len()), (true, 0));
    }

    #[test]
    fn a_frame_too_long_for_the_burst_is_lost_alone() {
        let mut queue = FrameQueue::new(2, 8);
        queue.push(&[1; 8]).expect("room");
        queue.push(&[2; 4]).expect("room");
        let mut burst = FrameBurst::new(2, 4);
        assert_eq!(queue.pop_burst(&mut burst), 1);
        assert_eq!(burst.frames()[0].as_slice(), [2; 4]);
        assert_eq!(queue.counters().dropped_oversize, 1);
    }

    #[test]
    fn a_short_queue_uses_the_same_buffer_again_and_again() {
        let mut queue = FrameQueue::new(64, 8);
        queue.preallocate();
        queue.push(&[0]).expect("room");
        let warm = queue.front().expect("queued").as_slice().as_ptr();
        for i in 1..100 {
            queue.pop(|_| ());
            queue.push(&[i]).expect("room");
            assert_eq!(queue.front().expect("queued").as_slice().as_ptr(), warm, "turn {i}");
        }
        // The same through a burst of like buffers: two buffers go round.
        let mut burst = FrameBurst::new(32, 8);
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..100 {
            queue.pop_burst(&mut burst);
            seen.insert(burst.frames()[0].as_slice().as_ptr());
            burst.clear();
            queue.push(&[i]).expect("room");
        }
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn buffers_filled_in_place_may_be_declined() {
        let mut queue = FrameQueue::new(1, 4);
        assert_eq!(queue.push_with(|_| None), Ok(false));
        assert_eq!(*queue.counters(), QueueCounters::new());
        let written = queue.push_with(|buf| {
            buf[..2].copy_from_slice(&[7, 8]);
            Some(2)
        });
        assert_eq!(written, Ok(true));
        assert_eq!(content(&queue), [[7, 8]]);
    }

    #[test]
    fn clearing_counts_and_gives_all_buffers_back() {
        let mut queue = FrameQueue::new(3, 4);
        for _ in 0..2 {
            for i in 0..3 {
                queue.push(&[i]).expect("room for three");
            }
            assert_eq!(queue.clear(), 3);
        }
        assert!(queue.is_empty());
        assert_eq!(queue.counters().dropped_cleared, 6);
    }

    #[test]
    fn a_pool_ends_at_its_limit() {
        let mut pool = FramePool::new(2, 4);
        let (a, b) = (pool.take().expect("first"), pool.take().expect("second"));
        assert!(pool.take().is_none());
        let address = b.as_slice().as_ptr();
        pool.give(a);
        pool.give(b);
        assert_eq!(pool.available(), 2);
        assert_eq!(pool.take().expect("the last given").as_slice().as_ptr(), address);

        let mut early = FramePool::new(3, 4);
        early.preallocate();
        assert_eq!((early.spares.len(), early.unborn, early.available()), (3, 0, 3));
    }
}
