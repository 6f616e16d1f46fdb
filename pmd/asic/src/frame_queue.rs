//! A bounded queue of frames whose buffers stay warm.

use std::collections::VecDeque;

use mafo_mem::queue::FramePool;
use mafo_mem::{Frame, FrameBurst};

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// No room; try again when frames have left.
    Full,
    /// Whoever was to fill it could not.
    Abandoned(E),
}

/// Frames on their way out of a port. Buffers come from a pool, so that a queue that is drained often has few of them.
#[derive(Debug)]
pub struct FrameQueue {
    /// A frame and the DMA message count ([`crate::dma::Dma::made`]) that has to land before it may go.
    queue: VecDeque<(Frame, u64)>,
    free: FramePool,
}

impl FrameQueue {
    /// An empty queue for `frames` frames of up to `frame_capacity` bytes.
    #[must_use]
    pub fn new(frames: usize, frame_capacity: usize) -> Self {
        Self {
            queue: VecDeque::with_capacity(frames),
            free: FramePool::new(frames, frame_capacity),
        }
    }

    /// Frames that still fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.free.available()
    }

    /// Frames that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no frame waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Lets `fill` write a frame and say how long it is; on its error nothing is queued. The frame
    /// may go once `after` DMA messages have landed.
    #[inline(always)]
    pub fn push<E>(
        &mut self,
        after: u64,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), Refused<E>> {
        let mut frame = self.free.take().ok_or(Refused::Full)?;
        match fill(frame.buffer_mut()) {
            Ok(len) => {
                frame.set_len(len);
                self.queue.push_back((frame, after));
                Ok(())
            }
            Err(error) => {
                self.free.give(frame);
                Err(Refused::Abandoned(error))
            }
        }
    }

    /// Moves frames to the end of `out` while it has room and they may go, and `lives` says for each that there is
    /// still somebody to send it; `sent` sees each one.
    /// A frame that is longer than `out`'s buffers is lost, and `sent` is told so by `false`.
    #[inline(always)]
    pub fn drain(
        &mut self,
        landed: u64,
        out: &mut FrameBurst,
        lives: impl Fn() -> bool,
        mut sent: impl FnMut(&[u8], bool),
    ) -> usize {
        let before = out.len();
        while let Some((_, after)) = self.queue.front() {
            if *after > landed {
                break;
            }
            let Some(spare) = out.spare() else { break };
            if !lives() {
                break;
            }
            let Some((mut frame, _)) = self.queue.pop_front() else { break };
            // Buffers change hands only between equals.
            let moved = if spare.capacity() == self.free.frame_capacity() {
                core::mem::swap(spare, &mut frame);
                sent(spare.as_slice(), true);
                true
            } else {
                let copied = spare.copy_from(frame.as_slice()).is_ok();
                sent(frame.as_slice(), copied);
                copied
            };
            if moved {
                out.commit();
            }
            self.free.give(frame);
        }
        out.len() - before
    }

    /// Drops what waits; says how many frames that were.
    pub fn clear(&mut self) -> usize {
        let dropped = self.queue.len();
        self.queue.drain(..).for_each(|(frame, _)| self.free.give(frame));
        dropped
    }
}
