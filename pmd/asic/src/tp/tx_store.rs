//! Payload that the host posted and the peer has not acknowledged: where each byte lies.
//!
//! Silicon copies it to card memory. Here bytes of a scatter list stay in host memory, which the host may
//! not touch before FW4_ACK anyway; bytes that came inside a work request are copied, because the ring
//! slot is reused long before the ACK.

use mafo_t4::{DmaFault, HostMemory, Iova};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Source {
    /// In host memory.
    Host(Iova),
    /// In the store, at this offset of all inline bytes so far.
    Inline(u64),
}

#[derive(Clone, Copy, Debug)]
struct Extent {
    /// Offset of its first byte in the stream.
    start: u64,
    len: u64,
    source: Source,
}

/// The payload of one connection. Without any it takes no memory of its own: most connections are idle.
#[derive(Debug, Default)]
pub(crate) struct TxStore(Option<Box<Kept>>);

/// Stores that no connection needs now. The last one freed is used first, buffers and all.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "they change hands as pointers")]
pub(crate) struct TxPool(Vec<Box<Kept>>);

impl TxStore {
    /// Bytes kept: posted and not acknowledged.
    pub(crate) fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.len())
    }

    fn kept(&mut self, pool: &mut TxPool) -> &mut Kept {
        self.0.get_or_insert_with(|| pool.0.pop().unwrap_or_default())
    }

    /// Appends bytes in host memory; neighbours are joined.
    pub(crate) fn push_host(&mut self, pool: &mut TxPool, iova: Iova, len: u32) {
        if len > 0 {
            self.kept(pool).push_host(iova, len);
        }
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn push_inline(&mut self, pool: &mut TxPool, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.kept(pool).push_inline(bytes);
        }
    }

    /// Forgets the first `len` bytes: the peer has them.
    #[inline]
    pub(crate) fn release(&mut self, pool: &mut TxPool, len: u64) {
        match &mut self.0 {
            Some(kept) if kept.len() == len => self.clear(pool),
            Some(kept) => kept.release(len),
            None => assert!(len == 0, "{len} bytes acknowledged of none"),
        }
    }

    /// Copies `dst.len()` bytes from `offset` behind the first one kept. A fault of host memory leaves
    /// `dst` partly written.
    pub(crate) fn read(
        &self,
        memory: &impl HostMemory,
        offset: u64,
        dst: &mut [u8],
    ) -> Result<(), DmaFault> {
        let len = dst.len();
        assert!(
            offset + len as u64 <= self.len(),
            "{len} bytes at {offset} of {} kept",
            self.len()
        );
        self.0.as_ref().map_or(Ok(()), |kept| kept.read(memory, offset, dst))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, pool: &mut TxPool) {
        if let Some(mut kept) = self.0.take() {
            kept.clear();
            pool.0.push(kept);
        }
    }
}

/// Payload in stream order. Offsets count from the first byte that was posted since there was none.
#[derive(Debug, Default)]
struct Kept {
    extents: VecDeque<Extent>,
    /// Offset of the first byte that is kept.
    start: u64,
    /// Offset one past the last byte posted.
    end: u64,
    inline: VecDeque<u8>,
    /// Inline bytes dropped so far: the offset of the first one kept.
    inline_start: u64,
}

impl Kept {
    const fn len(&self) -> u64 {
        self.end - self.start
    }

    fn push_host(&mut self, iova: Iova, len: u32) {
        let len = u64::from(len);
        match self.extents.back_mut() {
            Some(last) if matches!(last.source, Source::Host(at) if at.add(last.len as usize) == iova) =>
            {
                last.len += len;
            }
            _ => {
                self.extents.push_back(Extent { start: self.end, len, source: Source::Host(iova) })
            }
        }
        self.end += len;
    }

    fn push_inline(&mut self, bytes: &[u8]) {
        let len = bytes.len() as u64;
        let at = self.inline_start + self.inline.len() as u64;
        match self.extents.back_mut() {
            Some(last) if matches!(last.source, Source::Inline(_)) => last.len += len,
            _ => {
                self.extents.push_back(Extent { start: self.end, len, source: Source::Inline(at) })
            }
        }
        self.inline.extend(bytes);
        self.end += len;
    }

    fn release(&mut self, len: u64) {
        assert!(len <= self.len(), "{len} bytes acknowledged of {} posted", self.len());
        self.start += len;
        while let Some(first) = self.extents.front() {
            if first.start + first.len > self.start {
                break;
            }
            self.extents.pop_front();
        }
        if self.inline.is_empty() {
            return;
        }
        // Inline bytes lie in stream order, so all before the first one still needed can go.
        let needed = self.extents.iter().find_map(|extent| match extent.source {
            Source::Inline(at) => Some(at + self.start.saturating_sub(extent.start)),
            Source::Host(_) => None,
        });
        let keep = needed.unwrap_or(self.inline_start + self.inline.len() as u64);
        self.inline.drain(..(keep - self.inline_start) as usize);
        self.inline_start = keep;
    }

    fn read(&self, memory: &impl HostMemory, offset: u64, dst: &mut [u8]) -> Result<(), DmaFault> {
        let mut at = self.start + offset;
        let first = self.extents.partition_point(|extent| extent.start + extent.len <= at);
        let mut rest = dst;
        for extent in self.extents.range(first..) {
            if rest.is_empty() {
                break;
            }
            let skip = at - extent.start;
            let len = (extent.len - skip).min(rest.len() as u64) as usize;
            let (now, later) = rest.split_at_mut(len);
            match extent.source {
                Source::Host(iova) => memory.read(iova.add(skip as usize), now)?,
                Source::Inline(from) => {
                    self.copy_inline((from + skip - self.inline_start) as usize, now)
                }
            }
            at += len as u64;
            rest = later;
        }
        Ok(())
    }

    fn copy_inline(&self, at: usize, dst: &mut [u8]) {
        let (front, back) = self.inline.as_slices();
        let from_front = front.len().saturating_sub(at).min(dst.len());
        let (head, tail) = dst.split_at_mut(from_front);
        if !head.is_empty() {
            head.copy_from_slice(&front[at..at + from_front]);
        }
        let at = (at + from_front) - front.len().min(at + from_front);
        tail.copy_from_slice(&back[at..at + tail.len()]);
    }

    /// Forgets everything; the buffers stay.
    fn clear(&mut self) {
        self.extents.clear();
        self.inline.clear();
        (self.start, self.end, self.inline_start) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Host memory in which the byte at an address is a function of the address.
    struct Pattern;

    fn pattern(at: u64) -> u8 {
        (at.wrapping_mul(0x9e37_79b9) >> 13) as u8
    }

    impl HostMemory for Pattern {
        fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
            if iova.0 >= 1 << 32 {
                return Err(DmaFault { iova, len: dst.len() });
            }
            for (at, byte) in (iova.0..).zip(dst) {
                *byte = pattern(at);
            }
            Ok(())
        }
        fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
            Err(DmaFault { iova, len: src.len() })
        }
        fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
            Err(DmaFault { iova, len: 8 })
        }
        fn store_release_u64(&self, iova: Iova, _: u64) -> Result<(), DmaFault> {
            Err(DmaFault { iova, len: 8 })
        }
    }

    /// A store and the bytes that it ought to have.
    #[derive(Default)]
    struct Both {
        pool: TxPool,
        store: TxStore,
        model: Vec<u8>,
    }

    impl Both {
        fn host(&mut self, at: u64, len: u32) {
            self.store.push_host(&mut self.pool, Iova(at), len);
            self.model.extend((at..at + u64::from(len)).map(pattern));
        }
        fn inline(&mut self, bytes: &[u8]) {
            self.store.push_inline(&mut self.pool, bytes);
            self.model.extend(bytes);
        }
        fn release(&mut self, len: usize) {
            self.store.release(&mut self.pool, len as u64);
            self.model.drain(..len);
        }
        fn extents(&self) -> usize {
            self.store.0.as_ref().map_or(0, |kept| kept.extents.len())
        }
        fn check(&self) {
            assert_eq!(self.store.len(), self.model.len() as u64);
            for at in 0..=self.model.len() {
                for len in [0, 1, 2, 7, self.model.len() - at] {
                    let len = len.min(self.model.len() - at);
                    let mut read = vec![0xee; len];
                    self.store.read(&Pattern, at as u64, &mut read).expect("mapped");
                    assert_eq!(read, self.model[at..at + len], "{len} bytes at {at}");
                }
            }
        }
    }

    #[test]
    fn any_piece_of_any_mixture_reads_back() {
        let mut both = Both::default();
        both.inline(b"inline");
        both.host(1000, 20);
        both.host(5000, 3);
        both.inline(b"more");
        both.inline(b" of it");
        both.host(9000, 1);
        both.check();
        for len in [1, 4, 3, 15, 4, 2, 5] {
            both.release(len);
            both.inline(b"again");
            both.check();
        }
        both.release(both.model.len());
        both.check();
        assert!(both.store.0.is_none() && both.pool.0.len() == 1, "an empty store is the pool's");
        both.inline(b"anew");
        both.check();
        assert!(both.pool.0.is_empty());
        both.store.clear(&mut both.pool);
        assert_eq!((both.store.len(), both.pool.0.len()), (0, 1));
    }

    #[test]
    fn neighbours_are_one_extent() {
        let mut both = Both::default();
        both.host(1000, 10);
        both.host(1010, 10);
        both.host(1020, 0);
        assert_eq!(both.extents(), 1);
        both.host(1021, 10);
        assert_eq!(both.extents(), 2);
        both.check();
        both.inline(b"ab");
        both.inline(b"cd");
        assert_eq!(both.extents(), 3);
        both.check();
    }

    #[test]
    fn inline_bytes_wrap_in_their_ring() {
        let mut both = Both::default();
        for round in 0..50_u8 {
            both.inline(&[round; 13]);
            both.inline(&[round ^ 0x55; 4]);
            both.check();
            both.release(if round % 3 == 0 { 30.min(both.model.len()) } else { 11 });
            both.check();
            let kept = both.store.0.as_ref().map_or(0, |kept| kept.inline.len());
            assert_eq!(kept, both.model.len(), "acknowledged bytes are not kept");
        }
    }

    #[test]
    fn a_fault_is_handed_on() {
        let mut both = Both::default();
        both.inline(b"good");
        both.store.push_host(&mut both.pool, Iova(1 << 32), 8);
        let mut read = [0; 6];
        let fault = both.store.read(&Pattern, 0, &mut read);
        assert_eq!(fault, Err(DmaFault { iova: Iova(1 << 32), len: 2 }));
    }
}
