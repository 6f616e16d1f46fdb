//! Payload that is lent and not copied: memory of the stack's arena that the application fills, hands over, and has back
//! when the peer has acknowledged it.
//!
//! ```text
//!  Core::lend_buffer ─► LendBuffer ─freeze─► Lent ─clone─► Core::send_lent ─► adapters and the host path read it
//!                          ▲                  │                                  │ acknowledged: the clone is dropped
//!                          └──── reclaim ─────┘◄─────────────────────────────────┘
//! ```
//!
//! Who can write to it is one owner, a [`LendBuffer`]; once it is frozen there may be many, who can only read, the stack
//! and its adapters among them. So nobody writes what a device may be reading, and the same bytes can be sent
//! to many peers at once.

use core::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mafo_pmd::eal::dma::{Arena, DmaBuf};
use mafo_tcp::Then;
use thiserror::Error;

use crate::core::Core;
use crate::error::SocketError;
use crate::slab::SocketId;

/// Pieces that one socket holds at most that were lent and that the peer has not acknowledged whole: so many places are looked
/// through to find an offset.
pub const LENT_PIECES_MAX: usize = 64;

/// Bytes, lent or not, behind which a socket takes no more pieces: far less than half of the sequence numbers.
pub const LENT_BYTES_MAX: usize = 64 << 20;

const CACHE_LINE: usize = 64;

/// Why no memory was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LendError {
    /// More than there will ever be.
    #[error("{len} bytes of {all} that can be lent (StackConfig::lend_memory)")]
    TooLong {
        /// Bytes asked for.
        len: usize,
        /// Bytes that can be lent.
        all: usize,
    },
    /// All of it is lent, or what is left is in pieces: some has to come back first.
    #[error("no {len} bytes in one piece can be lent now")]
    NoMemory {
        /// Bytes asked for.
        len: usize,
    },
    /// A buffer has a byte at least.
    #[error("an empty buffer")]
    Empty,
}

/// Why lent bytes were not taken; they come back with the reason.
#[derive(Clone, Debug, Error)]
#[error("{why}")]
pub struct NotSent {
    /// The reason.
    #[source]
    pub why: SocketError,
    /// The bytes.
    pub lent: Lent,
}

/// What may be lent of an arena.
#[derive(Debug)]
pub(crate) struct LendMemory {
    all: usize,
    /// Bytes that nobody has.
    left: Arc<AtomicUsize>,
}

impl LendMemory {
    pub(crate) fn new(all: usize) -> Self {
        Self { all, left: Arc::new(AtomicUsize::new(all)) }
    }

    pub(crate) fn lend(&self, arena: &Arc<Arena>, len: usize) -> Result<LendBuffer, LendError> {
        let (all, taken) = (self.all, len.next_multiple_of(CACHE_LINE));
        if len == 0 {
            return Err(LendError::Empty);
        }
        if taken > all {
            return Err(LendError::TooLong { len, all });
        }
        // Only this lcore takes; from wherever buffers are dropped, they only add.
        if self.left.load(Ordering::Relaxed) < taken {
            return Err(LendError::NoMemory { len });
        }
        let memory = arena.alloc(len, CACHE_LINE).map_err(|_| LendError::NoMemory { len })?;
        self.left.fetch_sub(taken, Ordering::Relaxed);
        let memory = Memory { memory, taken, left: Arc::clone(&self.left) };
        Ok(LendBuffer { memory: Arc::new(memory) })
    }
}

/// Memory that is lent, until the last who knows of it is gone.
#[derive(Debug)]
struct Memory {
    memory: DmaBuf,
    taken: usize,
    left: Arc<AtomicUsize>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.left.fetch_add(self.taken, Ordering::Relaxed);
    }
}

/// Memory that adapters can read, with one owner who may write it: it derefs to its bytes, zeroed at first.
#[derive(Debug)]
pub struct LendBuffer {
    /// Nobody else knows of it.
    memory: Arc<Memory>,
}

impl LendBuffer {
    /// From now on it is only read.
    #[must_use]
    pub fn freeze(self) -> Lent {
        let range = 0..self.memory.memory.len();
        Lent { memory: self.memory, range }
    }
}

impl Deref for LendBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.memory.view(0, self.memory.memory.len())
    }
}

impl DerefMut for LendBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // There is one owner, always.
        Arc::get_mut(&mut self.memory).map_or(&mut [], |owned| owned.memory.bytes_mut())
    }
}

/// Bytes in memory that adapters can read, and that nobody writes any more. Clones are the same bytes.
#[derive(Clone, Debug)]
pub struct Lent {
    memory: Arc<Memory>,
    range: Range<usize>,
}

impl Lent {
    /// A part of it, without a copy. A `range` beyond its end is cut off there.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let at = |n: usize| self.range.start + n.min(self.range.len());
        let (start, end) = (at(range.start), at(range.end));
        Self { memory: Arc::clone(&self.memory), range: start..end.max(start) }
    }

    /// The memory again, all of it, to be written, when nobody else has any of it: no clone, and no socket whose peer has
    /// not acknowledged it.
    pub fn reclaim(mut self) -> Result<LendBuffer, Self> {
        if Arc::get_mut(&mut self.memory).is_some() {
            Ok(LendBuffer { memory: self.memory })
        } else {
            Err(self)
        }
    }

    /// The memory, and the first byte's place in it.
    pub(crate) fn place(&self) -> (&DmaBuf, usize) {
        (&self.memory.memory, self.range.start)
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.memory.view(self.range.start, self.range.len())
    }
}

impl Core {
    /// Memory of `len` bytes for payload that is to be sent without a copy, of [`crate::StackConfig::lend_memory`].
    pub fn lend_buffer(&self, len: usize) -> Result<LendBuffer, LendError> {
        self.lend.lend(&self.arena, len)
    }

    /// Sends all of `lent`, or nothing, behind what was sent before. The peer's acknowledgement of it drops it, and so does the
    /// end of the connection. Takes no room of the socket's buffer; a socket holds [`LENT_PIECES_MAX`] pieces at most,
    /// and beyond that, as without room for bytes that are copied, an event follows when more can be taken.
    pub fn send_lent(&mut self, id: SocketId, lent: Lent) -> Result<(), NotSent> {
        match self.may_send_lent(id, &lent) {
            Err(why) => Err(NotSent { why, lent }),
            Ok(()) => {
                let len = lent.len();
                if let Some(socket) = self.sockets.get_mut(id).filter(|_| len > 0) {
                    socket.tx.lend(lent);
                    self.post_with(id, len, Then::Nothing);
                }
                Ok(())
            }
        }
    }

    fn may_send_lent(&self, id: SocketId, lent: &Lent) -> Result<(), SocketError> {
        // Whether there is somebody to send to; how much can be copied does not matter.
        self.room_to_send(id, 0)?;
        let (memory, _) = lent.place();
        if !Arc::ptr_eq(memory.arena(), &self.arena) {
            return Err(SocketError::ForeignMemory);
        }
        let takes = self.sockets.get(id).is_some_and(|socket| socket.takes_lent(lent.len()));
        if takes { Ok(()) } else { Err(SocketError::WouldBlock) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_one_writer_and_comes_back_when_the_last_reader_is_gone() {
        let arena = Arena::ordinary(64 << 10).expect("memory");
        let lend = LendMemory::new(8192);
        let mut buffer = lend.lend(&arena, 5000).expect("room");
        assert_eq!(lend.lend(&arena, 5000).expect_err("lent"), LendError::NoMemory { len: 5000 });
        let too_long = LendError::TooLong { len: 9000, all: 8192 };
        assert_eq!(lend.lend(&arena, 9000).expect_err("never"), too_long);
        assert_eq!(lend.lend(&arena, 0).expect_err("nothing"), LendError::Empty);
        assert_eq!(*buffer, [0; 5000]);
        buffer[4999] = 7;
        let lent = buffer.freeze();
        let tail = lent.slice(4998..6000);
        assert_eq!(
            (&*tail, &*tail.slice(1..2), tail.slice(5..9).len()),
            (&[0, 7][..], &[7][..], 0)
        );
        let lent = lent.reclaim().expect_err("the tail is there");
        drop(tail);
        let mut again = lent.reclaim().expect("the last");
        again[0] = 9;
        assert_eq!((again[0], again[4999]), (9, 7));
        drop(again);
        assert!(lend.lend(&arena, 8192).is_ok());
    }
}
