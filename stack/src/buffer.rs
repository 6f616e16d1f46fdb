//! A connection's two byte streams, each a ring addressed by stream offset: byte 0 is the first one
//! after the SYN, and an offset never wraps.
//!
//! A ring that runs empty begins again at the front of its memory: a connection that never holds
//! much touches little of it, and that stays in a cache.

use mafo_pmd::eal::dma::DmaBuf;

/// What the application sent and the peer has not acknowledged yet, in memory that adapters and the
/// host path read from.
///
/// ```text
///        acked        posted         written       acked + capacity
///  ........|============|==============|................|
///   freed    in flight     waiting        free
/// ```
///
/// Bytes between `acked` and `posted` may be under a device's hands: they are never written again
/// until the peer has acknowledged them.
#[derive(Debug)]
pub struct SendBuffer {
    memory: DmaBuf,
    /// The offset whose byte lies at the front of the memory, less than `capacity` before `acked`.
    front: u64,
    acked: u64,
    posted: u64,
    written: u64,
}

/// One contiguous piece of a [`SendBuffer`]: offset in its memory, and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes from the start of the buffer's memory.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
}

impl SendBuffer {
    /// An empty stream over `memory`.
    #[must_use]
    pub fn new(memory: DmaBuf) -> Self {
        Self { memory, front: 0, acked: 0, posted: 0, written: 0 }
    }

    /// Bytes that the buffer holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Bytes that can be written now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity() - (self.written - self.acked) as usize
    }

    /// The first offset that the peer has not acknowledged.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// The first offset that no transport has been given.
    #[must_use]
    pub fn posted(&self) -> u64 {
        self.posted
    }

    /// The offset behind the last byte written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The memory, for those who map it.
    #[must_use]
    pub fn memory(&self) -> &DmaBuf {
        &self.memory
    }

    /// Copies as much of `bytes` as fits; how much that was.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.free());
        let (first, second) = self.pieces(self.written, n);
        self.memory.write(first.offset, &bytes[..first.len]);
        self.memory.write(second.offset, &bytes[first.len..n]);
        self.written += n as u64;
        n
    }

    /// Copies the `dst.len()` bytes at `offset`, all of them written and not acknowledged.
    pub fn read(&self, offset: u64, dst: &mut [u8]) {
        debug_assert!(offset >= self.acked && offset + dst.len() as u64 <= self.written);
        let (first, second) = self.pieces(offset, dst.len());
        let (head, tail) = dst.split_at_mut(first.len);
        self.memory.read(first.offset, head);
        self.memory.read(second.offset, tail);
    }

    /// Counts the next `n` written bytes as given to a transport.
    pub fn post(&mut self, n: usize) {
        self.posted += n as u64;
        assert!(self.posted <= self.written, "posted bytes that were never written");
    }

    /// The peer acknowledged everything below `offset`; older news is ignored. Bytes freed.
    pub fn ack(&mut self, offset: u64) -> usize {
        assert!(offset <= self.posted, "an acknowledgement beyond what was posted");
        let freed = offset.saturating_sub(self.acked);
        self.acked += freed;
        if self.acked == self.written {
            self.front = self.written;
        } else if self.acked - self.front >= self.capacity() as u64 {
            self.front += self.capacity() as u64;
        }
        freed as usize
    }

    /// The one or two pieces of memory behind `len` bytes at `offset` (the second may be empty).
    #[must_use]
    pub fn pieces(&self, offset: u64, len: usize) -> (Piece, Piece) {
        ring_pieces(self.capacity(), offset - self.front, len)
    }

    /// Gives the memory back.
    #[must_use]
    pub fn into_memory(self) -> DmaBuf {
        self.memory
    }
}

/// What the peer sent and the application has not read yet.
///
/// Bytes may be stored ahead of `received` (out of order); they count only when
/// [`RecvBuffer::advance`] says that the gap before them is filled.
#[derive(Debug)]
pub struct RecvBuffer {
    memory: Box<[u8]>,
    /// The offset whose byte lies at the front of the memory, less than `capacity` before `read`.
    front: u64,
    read: u64,
    received: u64,
    /// The offset behind the last byte stored, in order or not.
    stored: u64,
}

impl RecvBuffer {
    /// An empty stream with room for `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::over(vec![0; capacity].into_boxed_slice())
    }

    /// An empty stream over `memory`, whatever that holds.
    #[must_use]
    pub fn over(memory: Box<[u8]>) -> Self {
        Self { memory, front: 0, read: 0, received: 0, stored: 0 }
    }

    /// Where the memory is, to tell it from another's.
    #[cfg(test)]
    pub(crate) fn address(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    /// Gives the memory back.
    #[must_use]
    pub fn into_memory(self) -> Box<[u8]> {
        self.memory
    }

    /// Bytes that the buffer holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Bytes that the application can read now.
    #[must_use]
    pub fn available(&self) -> usize {
        (self.received - self.read) as usize
    }

    /// The offset behind the last byte in order.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The first offset that the application has not read.
    #[must_use]
    pub fn read_offset(&self) -> u64 {
        self.read
    }

    /// Stores `bytes` at `ahead` bytes behind the last one in order. `false`, and nothing stored,
    /// when they do not fit: the peer ignored its window.
    #[must_use]
    pub fn store(&mut self, ahead: usize, bytes: &[u8]) -> bool {
        let end = self.available().checked_add(ahead).and_then(|n| n.checked_add(bytes.len()));
        if end.is_none_or(|end| end > self.capacity()) {
            return false;
        }
        let offset = self.received + ahead as u64;
        self.stored = self.stored.max(offset + bytes.len() as u64);
        let (first, second) = ring_pieces(self.capacity(), offset - self.front, bytes.len());
        let (head, tail) = bytes.split_at(first.len);
        self.memory[first.offset..][..first.len].copy_from_slice(head);
        self.memory[second.offset..][..second.len].copy_from_slice(tail);
        true
    }

    /// Counts the next `n` stored bytes as received in order.
    pub fn advance(&mut self, n: usize) {
        self.received += n as u64;
        assert!(self.available() <= self.capacity(), "more bytes in order than fit");
    }

    /// Up to `max` bytes that stay to be read, where they lie; the second piece may be empty.
    #[must_use]
    pub fn peek_in_place(&self, max: usize) -> (&[u8], &[u8]) {
        let n = max.min(self.available());
        let (first, second) = ring_pieces(self.capacity(), self.read - self.front, n);
        let memory = |piece: Piece| &self.memory[piece.offset..][..piece.len];
        (memory(first), memory(second))
    }

    /// Copies up to `dst.len()` bytes that stay to be read; how many.
    pub fn peek(&self, dst: &mut [u8]) -> usize {
        let (first, second) = self.peek_in_place(dst.len());
        let n = first.len() + second.len();
        dst[..first.len()].copy_from_slice(first);
        dst[first.len()..n].copy_from_slice(second);
        n
    }

    /// Moves up to `dst.len()` bytes to the application; how many.
    pub fn read(&mut self, dst: &mut [u8]) -> usize {
        let n = self.peek(dst);
        self.consume(n);
        n
    }

    /// The application has the next `n` bytes, which are no more than are available.
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.available(), "{n} bytes read of {}", self.available());
        self.read += n as u64;
        if self.read == self.stored.max(self.received) {
            self.front = self.read;
        } else if self.read - self.front >= self.capacity() as u64 {
            self.front += self.capacity() as u64;
        }
    }
}

/// Where `len` bytes lie that begin `offset` bytes behind the front of a ring of `capacity` bytes, and less than twice as
/// far: fronts follow, so that nothing has to be divided.
fn ring_pieces(capacity: usize, offset: u64, len: usize) -> (Piece, Piece) {
    let offset = offset as usize;
    debug_assert!(len <= capacity && offset <= 2 * capacity, "{offset}, {len} of {capacity}");
    let start = if offset >= capacity { offset - capacity } else { offset };
    let first = len.min(capacity - start);
    (Piece { offset: start, len: first }, Piece { offset: 0, len: len - first })
}

#[cfg(test)]
mod tests {
    use mafo_pmd::eal::dma::Arena;

    use super::*;

    #[test]
    fn ring_pieces_cover_every_byte_once_for_small_sizes() {
        for capacity in 1..=8 {
            for offset in 0..=2 * capacity as u64 {
                for len in 0..=capacity {
                    let (a, b) = ring_pieces(capacity, offset, len);
                    let covered: Vec<usize> =
                        (a.offset..a.offset + a.len).chain(b.offset..b.offset + b.len).collect();
                    let expected: Vec<usize> =
                        (0..len).map(|i| (offset as usize + i) % capacity).collect();
                    assert_eq!(covered, expected, "capacity {capacity} offset {offset} len {len}");
                }
            }
        }
    }

    #[test]
    fn received_bytes_wrap_and_may_come_out_of_order() {
        let mut buffer = RecvBuffer::new(8);
        assert!(buffer.store(0, b"abcdef"));
        buffer.advance(6);
        let mut out = [0; 8];
        assert_eq!(buffer.read(&mut out[..5]), 5);
        assert_eq!(&out[..5], b"abcde");
        // "ij" arrives before "gh"; together they wrap around the end of the memory.
        assert!(buffer.store(2, b"ij"));
        assert_eq!(buffer.available(), 1);
        assert!(buffer.store(0, b"gh"));
        buffer.advance(4);
        assert_eq!(buffer.read(&mut out), 5);
        assert_eq!(&out[..5], b"fghij");
    }

    #[test]
    fn what_runs_empty_begins_again_at_the_front() {
        let mut buffer = RecvBuffer::new(8);
        assert!(buffer.store(0, b"abc"));
        buffer.advance(3);
        let mut out = [0; 8];
        assert_eq!(buffer.read(&mut out), 3);
        assert!(buffer.store(0, b"defg"));
        assert_eq!(&buffer.memory[..4], b"defg");
        buffer.advance(4);
        // "jk" waits for "hi": bytes ahead stay where they are.
        assert!(buffer.store(2, b"jk"));
        assert_eq!(buffer.read(&mut out), 4);
        assert!(buffer.store(0, b"hi"));
        buffer.advance(4);
        assert_eq!(buffer.read(&mut out), 4);
        assert_eq!(&out[..4], b"hijk");

        let arena = Arena::ordinary(4096).expect("memory");
        let mut buffer = SendBuffer::new(arena.alloc(8, 64).expect("room"));
        assert_eq!(buffer.write(b"abcdef"), 6);
        buffer.post(6);
        assert_eq!(buffer.ack(5), 5);
        assert_eq!(buffer.pieces(5, 1).0.offset, 5, "not while a byte is under way");
        assert_eq!(buffer.ack(6), 1);
        assert_eq!(buffer.write(b"ghijklmn"), 8);
        let whole = (Piece { offset: 0, len: 8 }, Piece { offset: 0, len: 0 });
        assert_eq!(buffer.pieces(6, 8), whole);
        buffer.read(6, &mut out);
        assert_eq!(&out, b"ghijklmn");
        // Full, and then with room for two: what is under way is not written over.
        assert_eq!(buffer.write(b"o"), 0);
        buffer.post(8);
        assert_eq!(buffer.ack(8), 2);
        assert_eq!(buffer.write(b"opq"), 2);
        buffer.read(8, &mut out);
        assert_eq!(&out, b"ijklmnop");
    }

    /// Streams that never run empty go round their rings again and again.
    #[test]
    fn streams_are_what_was_written_whatever_the_capacity() {
        let arena = Arena::ordinary(4096).expect("memory");
        for capacity in 2..12_usize {
            let mut tx = SendBuffer::new(arena.alloc(capacity, 64).expect("room"));
            let mut rx = RecvBuffer::new(capacity);
            let byte = |offset: u64| (offset * 7 + offset / 5) as u8;
            let stream =
                |from: u64, len: usize| (from..from + len as u64).map(byte).collect::<Vec<u8>>();
            let mut read = 0;
            for step in 0..400_usize {
                // Always one byte at least stays in either.
                let n = tx.write(&stream(tx.written(), 1 + step % 4));
                tx.post(n);
                let held = (tx.written() - tx.acked()) as usize;
                let mut sent = vec![0; held];
                tx.read(tx.acked(), &mut sent);
                assert_eq!(sent, stream(tx.acked(), held), "capacity {capacity}, step {step}");
                tx.ack(tx.acked() + (held - 1).min(step % 5) as u64);

                let n = (capacity - rx.available()).min(1 + step % 3);
                assert!(rx.store(0, &stream(rx.received(), n)));
                rx.advance(n);
                let (first, second) = rx.peek_in_place(capacity);
                assert_eq!([first, second].concat(), stream(read, rx.available()));
                let n = (rx.available() - 1).min(step % 4);
                rx.consume(n);
                read += n as u64;
            }
            assert!(tx.acked() > 5 * capacity as u64 && read > 5 * capacity as u64);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut buffer = RecvBuffer::new(4);
        assert!(!buffer.store(0, b"abcde"));
        assert!(!buffer.store(3, b"xy"));
        assert!(!buffer.store(usize::MAX, b"x"));
        assert!(buffer.store(0, b"abcd"));
        buffer.advance(4);
        assert!(!buffer.store(0, b"e"));
        let mut out = [0; 4];
        assert_eq!(buffer.read(&mut out), 4);
        assert_eq!(&out, b"abcd");
    }
}
