//! Freelists: empty buffers that the host supplies, eight pointers to a unit.

use std::collections::VecDeque;

use mafo_t4::{HostMemory, Iova};

use super::ring::{Ring, UNIT};
use crate::dma::{Dma, Posting};

/// Entries of the table of buffer sizes (SGE_FL_BUFFER_SIZE).
pub const BUFFER_SIZES: usize = 16;

/// Pointers in a unit.
const POINTERS: u32 = (UNIT / 8) as u32;

/// An empty buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffer {
    iova: Iova,
    len: usize,
}

/// A freelist. Messages go into its buffers in their order, each message into new ones (unpacked).
#[derive(Debug)]
pub struct Freelist {
    ring: Ring,
    /// Buffers whose pointers the card has fetched.
    fetched: VecDeque<Buffer>,
    fetched_bytes: usize,
}

impl Freelist {
    /// A freelist on `ring`.
    #[must_use]
    pub fn new(ring: Ring) -> Self {
        Self { ring, fetched: VecDeque::with_capacity(16), fetched_bytes: 0 }
    }

    /// The ring that the host refills.
    pub fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    /// Whether buffers for `len` bytes are there; fetches pointers until they are. An empty buffer
    /// (size 0 in the table) counts as none.
    #[inline(always)]
    pub fn has<M: HostMemory>(
        &mut self,
        len: usize,
        sizes: &[u32; BUFFER_SIZES],
        dma: &mut Dma<M>,
    ) -> bool {
        while self.fetched_bytes < len && self.ring.pending() > 0 {
            self.fetch(sizes, dma);
        }
        self.fetched_bytes >= len
    }

    /// Whether `frames` of up to `len` bytes would not find room, each in buffers of its own; half the list is always
    /// enough.
    pub fn is_short_of<M: HostMemory>(
        &mut self,
        (frames, len): (u32, usize),
        sizes: &[u32; BUFFER_SIZES],
        dma: &mut Dma<M>,
    ) -> bool {
        // What its buffers are like is known when it has fetched one.
        self.has(1, sizes, dma);
        let Some(buffer) = self.fetched.front() else { return true };
        let wanted = frames * len.div_ceil(buffer.len) as u32;
        let there = self.fetched.len() as u32 + self.ring.pending() * POINTERS;
        there < wanted.min((self.ring.units() - 1) * POINTERS / 2)
    }

    /// Writes `head` and `parts` one behind the other into new buffers, `pad` bytes behind the beginning of the first, which
    /// has so many. [`Freelist::has`] has said that they fit. Nearly always it is one part, in one buffer.
    #[inline(always)]
    pub fn fill<M: HostMemory>(
        &mut self,
        pad: usize,
        head: &[u8],
        parts: &[&[u8]],
        posting: &mut Posting<'_, M>,
    ) {
        if let (&[part], Some(buffer)) = (parts, self.fetched.front())
            && pad + head.len() + part.len() <= buffer.len
        {
            let at = buffer.iova.add(pad);
            if !head.is_empty() {
                posting.write(at, head);
            }
            if !part.is_empty() {
                posting.write(at.add(head.len()), part);
            }
            self.fetched_bytes -= buffer.len;
            self.fetched.pop_front();
            return;
        }
        self.fill_several(pad, head, parts, posting);
    }

    /// The same, of whatever shape.
    fn fill_several<M: HostMemory>(
        &mut self,
        mut pad: usize,
        head: &[u8],
        parts: &[&[u8]],
        posting: &mut Posting<'_, M>,
    ) {
        let mut buffer = Buffer { iova: Iova(0), len: 0 };
        for part in core::iter::once(&head).chain(parts) {
            let mut rest = *part;
            while !rest.is_empty() {
                if buffer.len == 0 {
                    let Some(next) = self.fetched.pop_front() else {
                        debug_assert!(false, "freelist ran dry inside a message");
                        return;
                    };
                    self.fetched_bytes -= next.len;
                    // A buffer shorter than the pad has room for nothing else.
                    let pad_here = pad.min(next.len);
                    pad -= pad_here;
                    buffer = Buffer { iova: next.iova.add(pad_here), len: next.len - pad_here };
                }
                let (now, later) = rest.split_at(rest.len().min(buffer.len));
                if !now.is_empty() {
                    posting.write(buffer.iova, now);
                }
                buffer = Buffer { iova: buffer.iova.add(now.len()), len: buffer.len - now.len() };
                rest = later;
            }
        }
    }

    /// Fetches one unit of pointers. If the ring itself is not mapped the unit is lost, as it is when
    /// a read of silicon ends in an error; the fault is counted.
    fn fetch<M: HostMemory>(&mut self, sizes: &[u32; BUFFER_SIZES], dma: &mut Dma<M>) {
        let mut unit = [0; UNIT];
        let (iova, _) = self.ring.unit(0);
        self.ring.consume(1);
        if dma.read(iova, &mut unit).is_err() {
            return;
        }
        for pointer in unit.as_chunks::<8>().0 {
            let word = u64::from_be_bytes(*pointer);
            let len = sizes[(word & 0xf) as usize] as usize;
            if len > 0 {
                self.fetched.push_back(Buffer { iova: Iova(word & !0xf), len });
                self.fetched_bytes += len;
            }
        }
    }
}
