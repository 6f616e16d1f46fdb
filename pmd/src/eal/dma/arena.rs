//! Arenas and the buffers taken from them.

use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::free_list::FreeList;
use crate::eal::hugepage::{NoMemory, Pages, Region};

/// Smallest piece of an arena: a cache line, so that no two buffers share one.
const GRAIN: usize = 64;

/// A stretch of host memory from which an adapter's rings and buffers are taken.
///
/// Rings and freelists of an adapter live in an arena of its own; the send buffers of sockets in one
/// that is mapped for every adapter of a bond ([`Domain::map`](super::Domain::map)).
pub struct Arena {
    region: Region,
    free: Mutex<Free>,
}

/// What an arena has left.
struct Free {
    list: FreeList,
    /// From here on the system's zeroes are still there: nobody has had that memory.
    untouched: usize,
}

/// An arena has no free piece that is long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DMA arena of {arena} bytes has no {len} bytes in one piece left ({free} free)")]
pub struct ArenaFull {
    /// Bytes asked for.
    pub len: usize,
    /// Bytes that are free, in all pieces together.
    pub free: usize,
    /// Size of the arena.
    pub arena: usize,
}

impl Arena {
    /// At least `len` bytes, by huge pages if the system has some free; if not, by ordinary pages,
    /// with one warning a process that names the command to reserve huge ones. A buffer's pages are there when it is
    /// taken: no card and no lcore waits for them later.
    pub fn new(len: usize) -> Result<Arc<Self>, NoMemory> {
        let region = Region::new(len)?;
        let touched = region.len();
        Ok(Self::of(region, touched))
    }

    /// At least `len` bytes of ordinary pages on purpose: for simulations, which must not depend on
    /// what the machine has reserved, and which use little of what they take: pages are there when they are used.
    pub fn ordinary(len: usize) -> Result<Arc<Self>, NoMemory> {
        Ok(Self::of(Region::ordinary(len)?, 0))
    }

    fn of(region: Region, untouched: usize) -> Arc<Self> {
        let free = Mutex::new(Free { list: FreeList::new(region.len()), untouched });
        Arc::new(Self { region, free })
    }

    /// A zeroed buffer of `len` bytes (at least 1) whose bus address is a multiple of `align`, a
    /// power of two of at most 4096. Every buffer is aligned to 64 at least.
    pub fn alloc(self: &Arc<Self>, len: usize, align: usize) -> Result<DmaBuf, ArenaFull> {
        assert!(len > 0, "an empty DMA buffer");
        assert!(align.is_power_of_two() && align <= 4096, "alignment {align}");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let full = ArenaFull { len, free: free.list.free(), arena: self.len() };
        let taken = len.checked_next_multiple_of(GRAIN).ok_or(full)?;
        let offset = free.list.take(taken, align.max(GRAIN)).ok_or(full)?;
        // What nobody has had is zero already.
        let dirty = free.untouched.saturating_sub(offset).min(len);
        free.untouched = free.untouched.max(offset + taken);
        drop(free);
        // SAFETY: `offset` is within the region.
        let base = unsafe { self.region.base().add(offset) };
        let block = Arc::new(Block { arena: Arc::clone(self), offset, taken });
        let mut buf = DmaBuf { base, len: size(len), within: 0, block };
        buf.zero(0, dirty);
        Ok(buf)
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.region.len()
    }

    /// Never: an arena has at least one page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Bytes that no buffer holds.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).list.free()
    }

    /// What the arena is made of.
    #[must_use]
    pub fn pages(&self) -> Pages {
        self.region.pages()
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.region.base()
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("len", &self.len()).field("pages", &self.pages()).finish()
    }
}

/// A piece of an arena; it is free again when the last of its buffer and its holds is gone.
struct Block {
    arena: Arc<Arena>,
    offset: usize,
    taken: usize,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut free = self.arena.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.list.give_back(self.offset, self.taken);
    }
}

/// Keeps a buffer's memory from being used for anything else, after its owner has dropped it.
///
/// Whoever asked a card to use the memory keeps one until the card has said that it is done.
pub struct DmaHold {
    _block: Arc<Block>,
}

impl fmt::Debug for DmaHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DmaHold")
    }
}

/// A buffer that a card can reach.
///
/// There is no `&mut [u8]` on it: a card may read or write it at any time that the protocol of its
/// queue allows. Plain bytes are copied in and out; words that hand ownership over are atomics. A
/// card that writes where it must not leaves wrong bytes, which the readers take like any others.
///
/// Offsets and lengths beyond the buffer are bugs of the caller and panic.
pub struct DmaBuf {
    base: NonNull<u8>,
    len: u32,
    /// Where in its block it begins: 0 unless it was cut off another.
    within: u32,
    block: Arc<Block>,
}

/// Bytes of a buffer, which are no more than 4 GiB.
fn size(len: usize) -> u32 {
    assert!(len <= u32::MAX as usize, "a DMA buffer of {len} bytes");
    len as u32
}

// SAFETY: the memory belongs to this buffer alone (its block is out of the free list), on whatever
// thread it is; the arena behind it is Sync.
unsafe impl Send for DmaBuf {}
// SAFETY: through `&DmaBuf` memory is read, or written by atomics; plain writes need `&mut DmaBuf`.
unsafe impl Sync for DmaBuf {}

impl DmaBuf {
    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Cuts the first `len` bytes off as a buffer of their own, and keeps the rest, which begins behind them at the next
    /// multiple of 64. The memory is the arena's again when both are dropped, and whatever is cut off them. `None`, and
    /// nothing is cut, where nothing would be left.
    pub fn cut(&mut self, len: usize) -> Option<Self> {
        let behind = len.checked_next_multiple_of(GRAIN).filter(|&behind| behind < self.len())?;
        let Self { base, within, .. } = *self;
        let cut = Self { base, len: size(len), within, block: Arc::clone(&self.block) };
        self.base = self.at(behind, 0);
        self.len -= size(behind);
        self.within += size(behind);
        Some(cut)
    }

    /// Never: a buffer has at least one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Copies `src` to `offset`.
    #[inline]
    pub fn write(&mut self, offset: usize, src: &[u8]) {
        let dst = self.at(offset, src.len());
        // SAFETY: `at` checked the range; `src` is a reference and cannot lie in the arena's memory,
        // of which views exist only on what the host does not write (`DmaBuf::view`).
        unsafe { dst.copy_from_nonoverlapping(NonNull::from(src).cast(), src.len()) };
    }

    /// Zeroes `len` bytes from `offset` on.
    pub fn zero(&mut self, offset: usize, len: usize) {
        let dst = self.at(offset, len);
        // SAFETY: `at` checked the range.
        unsafe { dst.write_bytes(0, len) };
    }

    /// Copies from `offset` on into `dst`.
    #[inline]
    pub fn read(&self, offset: usize, dst: &mut [u8]) {
        let src = self.at(offset, dst.len());
        // SAFETY: `at` checked the range; `dst` is a mutable reference, so not this memory.
        unsafe { src.copy_to_nonoverlapping(NonNull::from(&mut *dst).cast(), dst.len()) };
    }

    /// The `N` bytes from `offset` on.
    #[inline]
    #[must_use]
    pub fn read_array<const N: usize>(&self, offset: usize) -> [u8; N] {
        let src = self.at(offset, N);
        // SAFETY: `at` checked the range; an array of bytes needs no alignment.
        unsafe { src.cast::<[u8; N]>().read() }
    }

    /// The bytes where they lie, without a copy.
    ///
    /// For memory that the card has given up (a received message whose entry it has published, until
    /// the buffer is posted again) or only reads (a send buffer).
    #[inline]
    #[must_use]
    pub fn view(&self, offset: usize, len: usize) -> &[u8] {
        let start = self.at(offset, len);
        // SAFETY: `at` checked the range, all bytes are initialised (arenas are zeroed). Nobody
        // writes while the slice lives: the host needs `&mut self` for that, and the card has given
        // the bytes up, which is what the doc asks of the caller's protocol.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }
    }

    /// All the bytes where they lie, to be written.
    ///
    /// For memory that no card has been told of, or that all who were have given back.
    #[inline]
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the buffer's memory is its own, and all bytes are initialised (arenas are zeroed). The host has no other view
        // of it, since this is `&mut self`, and no card reads or writes it, which is what the doc asks of
        // the caller's protocol.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.len()) }
    }

    /// Loads the word at `offset` (a multiple of 8), as it lies in memory. Pairs with the card's
    /// release store of the same word: what it wrote before is visible after.
    #[inline]
    #[must_use]
    pub fn load_acquire_u64(&self, offset: usize) -> u64 {
        self.word(offset).load(Ordering::Acquire)
    }

    /// Stores the word at `offset` (a multiple of 8), as it shall lie in memory. Pairs with the
    /// card's acquire load of the same word: what was written before is visible to it after.
    #[inline]
    pub fn store_release_u64(&self, offset: usize, value: u64) {
        self.word(offset).store(value, Ordering::Release);
    }

    /// Keeps the memory when this buffer is dropped; see [`DmaHold`].
    #[must_use]
    pub fn hold(&self) -> DmaHold {
        DmaHold { _block: Arc::clone(&self.block) }
    }

    /// The arena that the buffer was taken from.
    #[must_use]
    pub fn arena(&self) -> &Arc<Arena> {
        &self.block.arena
    }

    /// Where in its arena the buffer begins.
    pub(super) fn offset(&self) -> usize {
        self.block.offset + self.within as usize
    }

    #[inline]
    fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        let fits = offset <= self.len() && len <= self.len() - offset;
        assert!(fits, "{len} bytes at {offset} of a DMA buffer of {}", self.len);
        // SAFETY: within the buffer, by the assertion.
        unsafe { self.base.add(offset) }
    }

    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8), "a word at {offset}");
        let at = self.at(offset, 8);
        // SAFETY: in range, aligned to 8 (buffers are aligned to 64), and these words are accessed
        // by atomics while both sides run; the reference lives no longer than the buffer.
        unsafe { AtomicU64::from_ptr(at.as_ptr().cast()) }
    }
}

impl fmt::Debug for DmaBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuf").field("offset", &self.offset()).field("len", &self.len).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena() -> Arc<Arena> {
        Arena::ordinary(16 << 10).expect("memory")
    }

    #[test]
    fn buffers_are_zeroed_aligned_and_apart() {
        let arena = arena();
        let mut a = arena.alloc(10, 64).expect("room");
        let b = arena.alloc(100, 4096).expect("room");
        a.write(0, &[0xff; 10]);
        assert_eq!(b.read_array::<100>(0), [0; 100]);
        assert!(b.offset().is_multiple_of(4096));
        drop(a);
        let a = arena.alloc(10, 64).expect("room");
        assert_eq!(a.read_array::<10>(0), [0; 10], "what an earlier buffer held is gone");
    }

    #[test]
    fn a_buffer_is_cut_and_its_memory_is_free_when_all_of_it_is() {
        let arena = arena();
        let free = arena.free();
        let mut rest = arena.alloc(200, 64).expect("room");
        let mut first = rest.cut(60).expect("136 are left");
        let second = rest.cut(64).expect("72 are left");
        assert!(rest.cut(72).is_none() && rest.cut(usize::MAX).is_none());
        let at = [&first, &second, &rest].map(|buf| (buf.offset(), buf.len()));
        assert_eq!(at, [(0, 60), (64, 64), (128, 72)]);
        first.write(0, &[1; 60]);
        rest.write(71, &[3]);
        assert_eq!(second.view(0, 64), [0; 64], "nobody else's");
        drop((first, rest));
        assert_eq!(arena.free(), free - 256);
        drop(second);
        assert_eq!(arena.free(), free);
    }

    #[test]
    fn a_buffer_that_only_begins_in_used_memory_is_zero_to_its_end() {
        let arena = arena();
        arena.alloc(128, 64).expect("room").write(0, &[0xff; 128]);
        let mut longer = arena.alloc(256, 64).expect("room");
        assert_eq!((longer.offset(), longer.read_array::<256>(0)), (0, [0; 256]));
        longer.write(0, &[0xff; 256]);
        drop(longer);
        assert_eq!(arena.alloc(256, 64).expect("room").read_array::<256>(0), [0; 256]);
    }

    #[test]
    fn bytes_and_words_are_the_same_memory() {
        let mut buf = arena().alloc(64, 64).expect("room");
        buf.write(8, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(buf.load_acquire_u64(8), u64::from_ne_bytes([1, 2, 3, 4, 5, 6, 7, 8]));
        buf.store_release_u64(16, u64::from_be_bytes([9; 8]));
        let mut read = [0; 10];
        buf.read(15, &mut read);
        assert_eq!(read, [8, 9, 9, 9, 9, 9, 9, 9, 9, 0]);
        assert_eq!(buf.view(14, 3), [7, 8, 9]);
        buf.zero(15, 2);
        assert_eq!(buf.view(14, 4), [7, 0, 0, 9]);
        buf.bytes_mut()[16] = 5;
        assert_eq!(buf.view(14, 4), [7, 0, 5, 9]);
        assert_eq!(buf.bytes_mut().len(), 64);
    }

    #[test]
    fn a_full_arena_says_so_and_recovers() {
        let arena = arena();
        let all = arena.alloc(arena.len(), 64).expect("room");
        let error = arena.alloc(1, 1).expect_err("full");
        assert_eq!(error, ArenaFull { len: 1, free: 0, arena: 16 << 10 });
        drop(all);
        assert_eq!(arena.free(), arena.len());
        assert_eq!(arena.alloc(usize::MAX, 1).expect_err("too long").free, arena.len());
    }

    #[test]
    fn a_hold_keeps_the_memory_of_a_dropped_buffer() {
        let arena = arena();
        let buf = arena.alloc(4096, 4096).expect("room");
        let hold = buf.hold();
        drop(buf);
        assert_eq!(arena.free(), arena.len() - 4096);
        drop(hold);
        assert_eq!(arena.free(), arena.len());
    }

    #[test]
    #[should_panic(expected = "2 bytes at 63 of a DMA buffer of 64")]
    fn access_beyond_the_end_is_a_bug() {
        let _ = arena().alloc(64, 64).expect("room").read_array::<2>(63);
    }

    #[test]
    #[should_panic(expected = "a word at 4")]
    fn a_misaligned_word_is_a_bug() {
        let _ = arena().alloc(64, 64).expect("room").load_acquire_u64(4);
    }
}
