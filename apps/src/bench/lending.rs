//! What a connection sends from memory that it has lent to its stack.

use std::collections::VecDeque;

use mafo::{Core, LendBuffer, Lent};

use super::BenchError;

/// Sends of so many bytes are lent, and shorter ones copied: to pass a buffer on and have it back costs as much as to copy
/// a few cache lines.
pub(super) const LENT_LEAST: usize = 4096;

/// Buffers of one connection, each as long as what is sent at a time.
pub(super) struct Lending {
    free: Vec<LendBuffer>,
    /// Those that the peer has not acknowledged, the oldest first.
    lent: VecDeque<Lent>,
}

impl Lending {
    /// `count` buffers of `len` bytes.
    pub(super) fn new(core: &Core, count: usize, len: usize) -> Result<Self, BenchError> {
        let free: Result<_, _> = (0..count).map(|_| core.lend_buffer(len)).collect();
        Ok(Self {
            free: free.map_err(|why| BenchError::Failed(why.to_string()))?,
            lent: VecDeque::new(),
        })
    }

    /// One that can be written.
    fn take(&mut self) -> Option<LendBuffer> {
        while let Some(oldest) = self.lent.pop_front() {
            match oldest.reclaim() {
                Ok(buffer) => self.free.push(buffer),
                Err(oldest) => {
                    self.lent.push_front(oldest);
                    break;
                }
            }
        }
        self.free.pop()
    }

    /// What `write` makes of a whole buffer, if one has come back.
    pub(super) fn make(&mut self, write: impl FnOnce(&mut [u8])) -> Option<Lent> {
        let mut buffer = self.take()?;
        write(&mut buffer);
        let lent = buffer.freeze();
        self.lent.push_back(lent.clone());
        Some(lent)
    }
}
