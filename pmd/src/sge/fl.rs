//! Freelists: the buffers that the card may fill.
//!
//! A ring of 64-bit pointers whose low four bits name an entry of SGE_FL_BUFFER_SIZE. Doorbells count
//! units of eight pointers, so up to seven posted ones wait for their neighbours. The card takes the
//! buffers in order; every message begins in a new one (packing is off) and a long message goes on in
//! the next.

use mafo_t4::Iova;
use mafo_t4::sge::{EQ_UNIT, FlPointer};

use super::doorbell::Doorbell;
use crate::eal::dma::{ArenaFull, DmaBuf};

/// Pointers in one unit of the ring.
const PER_UNIT: u16 = FlPointer::PER_UNIT as u16;

mafo_mem::counters! {
    /// What a freelist counted.
    pub struct FlCounters {
        /// Buffers given to the card.
        posted,
        /// Buffers that came back with a message.
        filled,
        /// Doorbells rung.
        doorbells,
    }
}

/// Where both sides of the ring are. In pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Indices {
    size: u16,
    pidx: u16,
    cidx: u16,
    /// Up to where the card has been told; between `cidx` and `pidx`, less than a unit behind `pidx`
    /// after [`Indices::ring`].
    rung: u16,
}

impl Indices {
    const fn new(size: u16) -> Self {
        Self { size, pidx: 0, cidx: 0, rung: 0 }
    }

    const fn distance(self, from: u16, to: u16) -> u16 {
        if to >= from { to - from } else { self.size - from + to }
    }

    /// Pointers that the ring can hold: one unit stays empty, or the card would take a full list for
    /// an empty one.
    const fn capacity(self) -> u16 {
        self.size - PER_UNIT
    }

    const fn posted(self) -> u16 {
        self.distance(self.cidx, self.pidx)
    }

    const fn room(self) -> u16 {
        self.capacity() - self.posted()
    }

    /// Pointers that the card knows of and has not used.
    const fn visible(self) -> u16 {
        self.distance(self.cidx, self.rung)
    }

    /// The slot of the next pointer.
    fn produce(&mut self) -> u16 {
        assert!(self.room() > 0, "a pointer into {self:?}");
        let slot = self.pidx;
        self.pidx = self.after(slot, 1);
        slot
    }

    /// Units to ring for, which the card then knows of.
    fn ring(&mut self) -> u16 {
        let units = self.distance(self.rung, self.pidx) / PER_UNIT;
        self.rung = self.after(self.rung, units * PER_UNIT);
        units
    }

    #[inline(always)]
    fn consume(&mut self, pointers: u16) {
        assert!(pointers <= self.visible(), "{pointers} buffers out of {self:?}");
        self.cidx = self.after(self.cidx, pointers);
    }

    /// The slot `pointers` behind `slot`; of at most a whole ring.
    const fn after(self, slot: u16, pointers: u16) -> u16 {
        let after = slot + pointers;
        if after < self.size { after } else { after - self.size }
    }
}

/// Size and kind of a freelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlShape {
    /// Pointers in the ring, a multiple of 8; eight fewer can be posted.
    pub(crate) size: u16,
    /// Bytes of a buffer.
    pub(crate) buffer_len: usize,
    /// Which SGE_FL_BUFFER_SIZE says so.
    pub(crate) size_index: u8,
}

/// A freelist and its buffers.
#[derive(Debug)]
pub(crate) struct Freelist {
    shape: FlShape,
    ring: DmaBuf,
    buffers: DmaBuf,
    /// Bus address of the first buffer.
    base: Iova,
    /// Which buffer each pointer of the ring names.
    slots: Box<[u16]>,
    /// Buffers that the card does not have; the last one back goes out first, while it is warm.
    spare: Vec<u16>,
    indices: Indices,
    doorbell: Option<Doorbell>,
    counters: FlCounters,
}

impl Freelist {
    /// Largest ring: indices stay within 16 bits.
    pub(crate) const SIZE_MAX: u16 = 8192;

    /// A freelist that the firmware does not know yet.
    pub(crate) fn new(
        mut alloc: impl FnMut(usize) -> Result<DmaBuf, ArenaFull>,
        iova: impl FnOnce(&DmaBuf) -> Iova,
        shape: FlShape,
        status_page: usize,
    ) -> Result<Self, ArenaFull> {
        let size = shape.size;
        let fits = size.is_multiple_of(PER_UNIT) && (2 * PER_UNIT..=Self::SIZE_MAX).contains(&size);
        assert!(fits, "freelist of {size} pointers");
        assert!(shape.buffer_len.is_multiple_of(64), "buffers of {} bytes", shape.buffer_len);
        let ring = alloc(usize::from(size) * FlPointer::SIZE + status_page)?;
        let indices = Indices::new(size);
        let count = indices.capacity();
        let buffers = alloc(usize::from(count) * shape.buffer_len)?;
        let base = iova(&buffers);
        Ok(Self {
            shape,
            ring,
            buffers,
            base,
            slots: vec![0; usize::from(size)].into_boxed_slice(),
            spare: (0..count).rev().collect(),
            indices,
            doorbell: None,
            counters: FlCounters::new(),
        })
    }

    /// Units including the status page, as the firmware wants them.
    pub(crate) fn units_with_status(&self) -> u16 {
        (self.ring.len() / EQ_UNIT) as u16
    }

    /// Ring, then buffers: the memory that the card will use.
    pub(crate) fn memory(&self) -> [&DmaBuf; 2] {
        [&self.ring, &self.buffers]
    }

    /// The firmware knows the freelist: from now on it can be rung for.
    pub(crate) fn start(&mut self, doorbell: Doorbell) {
        self.doorbell = Some(doorbell);
        self.refill();
    }

    /// Posts all spare buffers and rings for whole units.
    pub(crate) fn refill(&mut self) {
        while self.indices.room() > 0
            && let Some(buffer) = self.spare.pop()
        {
            let slot = self.indices.produce();
            let at = self.base.add(usize::from(buffer) * self.shape.buffer_len);
            let pointer = FlPointer::new(at, self.shape.size_index);
            self.ring.write(usize::from(slot) * FlPointer::SIZE, &pointer.to_bytes());
            self.slots[usize::from(slot)] = buffer;
            self.counters.posted += 1;
        }
        let Some(doorbell) = &self.doorbell else { return };
        let units = self.indices.ring();
        if units > 0 {
            doorbell.ring(units);
            self.counters.doorbells += 1;
        }
    }

    /// The buffers of a message of `len` bytes that begins in the next buffer; `None` when the card
    /// cannot have filled as many.
    #[inline(always)]
    pub(crate) fn message(&self, len: usize) -> Option<Payload<'_>> {
        let buffers = u16::try_from(self.buffers_of(len)).ok()?;
        (buffers <= self.indices.visible()).then_some(Payload {
            list: Some(self),
            slot: self.indices.cidx,
            skip: 0,
            len,
        })
    }

    /// Buffers that a message of `len` bytes takes. Most take one, and no division.
    #[inline(always)]
    fn buffers_of(&self, len: usize) -> usize {
        if len <= self.shape.buffer_len { 1 } else { len.div_ceil(self.shape.buffer_len) }
    }

    /// Takes the buffers of a message of `len` bytes back.
    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        let buffers = self.buffers_of(len) as u16;
        for n in 0..buffers {
            let slot = self.indices.after(self.indices.cidx, n);
            self.spare.push(self.slots[usize::from(slot)]);
        }
        self.indices.consume(buffers);
        self.counters.filled += u64::from(buffers);
    }

    /// Buffers that are neither with the card nor spare: 0, or one was lost.
    pub(crate) fn missing(&self) -> usize {
        usize::from(self.indices.capacity() - self.indices.posted()) - self.spare.len()
    }

    pub(crate) fn counters(&self) -> FlCounters {
        self.counters
    }
}

/// Bytes of a message where the card put them, in one or several buffers.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    list: Option<&'a Freelist>,
    slot: u16,
    /// Bytes of the first buffer that are not part of it.
    skip: usize,
    len: usize,
}

impl<'a> Payload<'a> {
    /// No bytes.
    pub const EMPTY: Self = Self { list: None, slot: 0, skip: 0, len: 0 };

    /// Bytes in all buffers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes in order, a slice for each buffer.
    pub fn chunks(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self;
        core::iter::from_fn(move || rest.next_chunk())
    }

    /// The bytes of the first buffer.
    #[inline(always)]
    #[must_use]
    pub fn first(&self) -> &'a [u8] {
        let mut rest = *self;
        rest.next_chunk().unwrap_or_default()
    }

    /// Without the first `bytes`, which must be in the first buffer.
    #[must_use]
    pub(crate) fn skip(self, bytes: usize) -> Self {
        assert!(bytes <= self.first().len(), "{bytes} bytes of {}", self.first().len());
        Self { skip: self.skip + bytes, len: self.len - bytes, ..self }
    }

    /// Copies all bytes to the front of `dst`; panics when they do not fit.
    pub fn copy_to(self, dst: &mut [u8]) {
        let mut at = 0;
        for chunk in self.chunks() {
            dst[at..at + chunk.len()].copy_from_slice(chunk);
            at += chunk.len();
        }
    }

    #[inline(always)]
    fn next_chunk(&mut self) -> Option<&'a [u8]> {
        let list = self.list?;
        while self.len > 0 {
            let len = self.len.min(list.shape.buffer_len - self.skip);
            let buffer = usize::from(list.slots[usize::from(self.slot)]);
            let chunk = list.buffers.view(buffer * list.shape.buffer_len + self.skip, len);
            self.slot = list.indices.after(self.slot, 1);
            self.skip = 0;
            self.len -= len;
            // A message whose first bytes fill its first buffer exactly may go on behind it.
            if !chunk.is_empty() {
                return Some(chunk);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
