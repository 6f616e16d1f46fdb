//! Received payload that waits in the card: bytes beyond a hole, and bytes in order that the host had
//! no buffer for.

use std::collections::VecDeque;

/// Bytes of a page of receive memory.
pub(crate) const PAGE: usize = 2048;

type Page = Box<[u8; PAGE]>;

/// The card's receive memory (`TP_PMM_RX`), shared by all connections.
#[derive(Debug)]
pub(crate) struct PagePool {
    free: Vec<Page>,
    /// Windows that no connection needs now.
    #[expect(clippy::vec_box, reason = "they change hands as pointers")]
    windows: Vec<Box<Window>>,
    in_use: usize,
    limit: usize,
}

impl PagePool {
    /// Memory of `bytes`, rounded down to pages. Pages are allocated on their first use.
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { free: Vec::new(), windows: Vec::new(), in_use: 0, limit: bytes / PAGE }
    }

    /// Pages that can still be taken.
    pub(crate) const fn available(&self) -> usize {
        self.limit - self.in_use
    }

    /// Pages that are kept for payload that need not wait: an eighth.
    pub(crate) const fn share(&self) -> usize {
        self.limit / 8
    }

    /// Pages that connections hold.
    pub(crate) const fn in_use(&self) -> usize {
        self.in_use
    }

    /// Most pages that a run of `len` bytes touches, wherever it starts.
    pub(crate) const fn pages_for(len: usize) -> usize {
        len.div_ceil(PAGE) + 1
    }

    fn take(&mut self) -> Option<Page> {
        if self.in_use == self.limit {
            return None;
        }
        self.in_use += 1;
        Some(self.free.pop().unwrap_or_else(|| Box::new([0; PAGE])))
    }

    fn give_back(&mut self, page: Page) {
        self.in_use -= 1;
        self.free.push(page);
    }
}

/// No page was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

/// What waits on one connection. Without anything it takes no memory of its own: most connections are idle.
#[derive(Debug, Default)]
pub(crate) struct RxStore(Option<Box<Window>>);

impl RxStore {
    /// Stores `bytes` at `offset` from the first undelivered byte; all or, without memory, nothing.
    pub(crate) fn write(
        &mut self,
        pool: &mut PagePool,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0
            .get_or_insert_with(|| pool.windows.pop().unwrap_or_default())
            .write(pool, offset, bytes)
    }

    /// `len` bytes of the window from `offset` on, in pieces. What was never written is a bug of the caller's
    /// book-keeping.
    pub(crate) fn slices(&self, offset: usize, len: usize) -> impl Iterator<Item = &[u8]> {
        assert!(self.0.is_some() || len == 0, "received bytes that no page holds");
        self.0.iter().flat_map(move |window| window.slices(offset, len))
    }

    /// Moves the window past `len` bytes that were delivered, whether they lay here or not.
    pub(crate) fn advance(&mut self, pool: &mut PagePool, len: usize) {
        if let Some(window) = &mut self.0
            && window.advance(pool, len)
        {
            self.clear(pool);
        }
    }

    /// Whether no page is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|window| window.pages.is_empty())
    }

    /// Gives all pages back.
    pub(crate) fn clear(&mut self, pool: &mut PagePool) {
        if let Some(mut window) = self.0.take() {
            window.clear(pool);
            pool.windows.push(window);
        }
    }
}

/// A window of the receive sequence space that starts at the first byte not yet delivered to the host.
/// A byte lies where its sequence number puts it; which bytes are there is the engine's knowledge.
#[derive(Debug, Default)]
struct Window {
    pages: VecDeque<Option<Page>>,
    /// Where in the first page the window starts.
    skip: usize,
    /// One past the last byte stored, from the window's start on.
    end: usize,
}

impl Window {
    fn write(
        &mut self,
        pool: &mut PagePool,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        let start = self.skip + offset;
        let (first, last) = (start / PAGE, (start + bytes.len() - 1) / PAGE);
        if self.pages.len() <= last {
            self.pages.resize_with(last + 1, || None);
        }
        let missing = self.pages.range(first..=last).filter(|page| page.is_none()).count();
        if missing > pool.available() {
            return Err(OutOfMemory);
        }
        let (mut at, mut rest) = (start, bytes);
        while !rest.is_empty() {
            let slot = &mut self.pages[at / PAGE];
            if slot.is_none() {
                *slot = pool.take();
            }
            let Some(page) = slot else { return Err(OutOfMemory) };
            let dst = &mut page[at % PAGE..];
            let (now, later) = rest.split_at(rest.len().min(dst.len()));
            dst[..now.len()].copy_from_slice(now);
            at += now.len();
            rest = later;
        }
        self.end = self.end.max(offset + bytes.len());
        Ok(())
    }

    fn slices(&self, offset: usize, len: usize) -> impl Iterator<Item = &[u8]> {
        let (mut at, end) = (self.skip + offset, self.skip + offset + len);
        core::iter::from_fn(move || {
            if at == end {
                return None;
            }
            let page = self.pages.get(at / PAGE).and_then(Option::as_ref);
            assert!(page.is_some(), "received bytes that no page holds");
            let page = page.map_or(&[][..], |page| &page[..]);
            let stop = (end - at + at % PAGE).min(PAGE);
            let piece = &page[at % PAGE..stop];
            at += piece.len();
            Some(piece)
        })
    }

    /// Whether nothing is left in it.
    fn advance(&mut self, pool: &mut PagePool, len: usize) -> bool {
        self.end = self.end.saturating_sub(len);
        if self.end == 0 {
            return true;
        }
        self.skip += len;
        while self.skip >= PAGE {
            self.skip -= PAGE;
            if let Some(Some(page)) = self.pages.pop_front() {
                pool.give_back(page);
            }
        }
        false
    }

    fn clear(&mut self, pool: &mut PagePool) {
        for page in self.pages.drain(..).flatten() {
            pool.give_back(page);
        }
        (self.skip, self.end) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(from: usize, len: usize) -> Vec<u8> {
        (from..from + len).map(|at| (at % 251) as u8).collect()
    }

    fn read(store: &RxStore, offset: usize, len: usize) -> Vec<u8> {
        store.slices(offset, len).flatten().copied().collect()
    }

    #[test]
    fn bytes_lie_where_their_sequence_number_puts_them() {
        let (mut pool, mut store) = (PagePool::new(16 * PAGE), RxStore::default());
        store.write(&mut pool, 3000, &bytes(3000, 5000)).expect("room");
        store.write(&mut pool, 0, &bytes(0, 3000)).expect("room");
        assert_eq!(read(&store, 0, 8000), bytes(0, 8000));
        assert_eq!(pool.in_use(), 4);
        store.advance(&mut pool, 2500);
        assert_eq!(pool.in_use(), 3);
        assert_eq!(read(&store, 0, 5500), bytes(2500, 5500));
        assert_eq!(read(&store, 100, 10), bytes(2600, 10));
        store.write(&mut pool, 5500, &bytes(8000, 192)).expect("room");
        store.advance(&mut pool, 5691);
        assert_eq!(pool.in_use(), 1);
        store.advance(&mut pool, 1);
        assert_eq!(
            (pool.in_use(), store.is_empty(), pool.windows.len()),
            (0, true, 1),
            "nothing is left in the last page"
        );
    }

    #[test]
    fn delivered_bytes_that_never_lay_here_move_the_window_too() {
        let (mut pool, mut store) = (PagePool::new(16 * PAGE), RxStore::default());
        store.advance(&mut pool, 777);
        store.advance(&mut pool, 100 * PAGE);
        store.write(&mut pool, 1460, &bytes(1460, 1460)).expect("room");
        let pages = store.0.as_ref().map_or(0, |window| window.pages.len());
        assert_eq!(pages, 2, "the window starts anew where no page is held");
        store.advance(&mut pool, 1460);
        assert_eq!(read(&store, 0, 1460), bytes(1460, 1460));
        store.clear(&mut pool);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn without_memory_nothing_is_stored() {
        let (mut pool, mut store) = (PagePool::new(2 * PAGE), RxStore::default());
        store.write(&mut pool, 10 * PAGE, &bytes(0, PAGE)).expect("one page");
        assert_eq!(store.write(&mut pool, PAGE / 2, &bytes(0, PAGE)), Err(OutOfMemory));
        assert_eq!((pool.in_use(), pool.available()), (1, 1));
        store.write(&mut pool, PAGE, &bytes(0, PAGE)).expect("the other page");
        assert_eq!(pool.available(), 0);
        store.clear(&mut pool);
        assert_eq!(pool.available(), 2);
        assert_eq!(PagePool::pages_for(1), 2);
        assert_eq!(PagePool::pages_for(PAGE), 2);
        assert_eq!(PagePool::pages_for(PAGE + 1), 3);
    }
}
