//! A connection's two byte streams, each a ring addressed by stream offset: byte 0 is the first one
//! after the SYN, and an offset never wraps.
//!
//! A ring that runs empty begins again at the front of its memory: a connection that never holds
//! much touches little of it, and that stays in a cache.

use std::collections::VecDeque;

use mafo_mem::checksum::{self, Partial};
use mafo_pmd::eal::dma::DmaBuf;

use crate::lend::Lent;

/// What the application sent and the peer has not acknowledged yet, in memory that adapters and the
/// host path read from: copied into a ring, or lent and read where it lies.
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
    /// What lies elsewhere of the stream, once something has been lent.
    lent: Option<Box<LentPieces>>,
}

/// The parts of a stream that were lent. The bytes between them are in the ring, one behind the other.
#[derive(Debug, Default)]
struct LentPieces {
    /// Those that are not acknowledged whole, in their order, each with its first byte's offset.
    pieces: VecDeque<(u64, Lent)>,
    /// Bytes of those that were before them.
    gone: u64,
}

impl LentPieces {
    /// Everything before `offset` is acknowledged.
    fn ack(&mut self, offset: u64) {
        while let Some((start, lent)) = self.pieces.front()
            && start + lent.len() as u64 <= offset
        {
            self.gone += lent.len() as u64;
            self.pieces.pop_front();
        }
    }

    /// Bytes of the stream before `offset` that were not lent.
    #[cold]
    fn in_ring(&self, offset: u64) -> u64 {
        let begun = self.pieces.iter().take_while(|(start, _)| *start < offset);
        offset
            - self.gone
            - begun.map(|(start, lent)| (offset - start).min(lent.len() as u64)).sum::<u64>()
    }
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
        Self { memory, front: 0, acked: 0, posted: 0, written: 0, lent: None }
    }

    /// Bytes that the buffer holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Bytes that can be written now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity() - (self.in_ring(self.written) - self.in_ring(self.acked)) as usize
    }

    /// How many bytes before `offset` were copied into the ring.
    #[inline(always)]
    fn in_ring(&self, offset: u64) -> u64 {
        match &self.lent {
            None => offset,
            Some(lent) => lent.in_ring(offset),
        }
    }

    /// Pieces that were lent and are not acknowledged whole.
    #[must_use]
    pub fn lent_pieces(&self) -> usize {
        self.lent.as_ref().map_or(0, |lent| lent.pieces.len())
    }

    /// Appends `bytes`, without a copy.
    pub fn lend(&mut self, bytes: Lent) {
        let start = self.written;
        self.written += bytes.len() as u64;
        self.lent.get_or_insert_default().pieces.push_back((start, bytes));
    }

    /// Nothing will be read any more: what was lent goes back.
    pub fn let_go(&mut self) {
        if let Some(lent) = &mut self.lent {
            lent.pieces.clear();
        }
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
        let (first, second) = self.ring_pieces(self.written, n);
        self.memory.write(first.offset, &bytes[..first.len]);
        if second.len > 0 {
            self.memory.write(second.offset, &bytes[first.len..n]);
        }
        self.written += n as u64;
        n
    }

    /// Copies the `dst.len()` bytes at `offset`, all of them written and not acknowledged.
    pub fn read(&self, offset: u64, dst: &mut [u8]) {
        debug_assert!(offset >= self.acked && offset + dst.len() as u64 <= self.written);
        if self.lent.is_some() {
            return self.read_pieces(offset, dst);
        }
        let (first, second) = self.ring_pieces(offset, dst.len());
        let (head, tail) = dst.split_at_mut(first.len);
        self.memory.read(first.offset, head);
        self.memory.read(second.offset, tail);
    }

    /// The same, and their sum.
    #[inline]
    pub(crate) fn read_summed(&self, offset: u64, dst: &mut [u8]) -> Partial {
        if !dst.is_empty()
            && let (memory, Piece { offset: start, len }) = self.piece_at(offset, dst.len())
            && len == dst.len()
        {
            // Memory that is only read, until what is in it has been acknowledged.
            return checksum::copy_and_sum(dst, memory.view(start, len));
        }
        self.read(offset, dst);
        checksum::sum(dst)
    }

    /// The same where they may lie anywhere.
    fn read_pieces(&self, offset: u64, dst: &mut [u8]) {
        let mut read = 0;
        for (memory, piece) in self.pieces(offset, dst.len()) {
            memory.read(piece.offset, &mut dst[read..][..piece.len]);
            read += piece.len;
        }
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
        if let Some(lent) = &mut self.lent {
            lent.ack(self.acked);
        }
        let (acked, written) = (self.in_ring(self.acked), self.in_ring(self.written));
        if acked == written {
            self.front = written;
        } else if acked - self.front >= self.capacity() as u64 {
            self.front += self.capacity() as u64;
        }
        freed as usize
    }

    /// The pieces of memory behind `len` bytes at `offset`, one after the other: at most two of the ring between one that was
    /// lent and the next.
    pub fn pieces(&self, offset: u64, len: usize) -> impl Iterator<Item = (&DmaBuf, Piece)> {
        let (mut at, end) = (offset, offset + len as u64);
        core::iter::from_fn(move || {
            let next = (at < end).then(|| self.piece_at(at, (end - at) as usize))?;
            at += next.1.len as u64;
            Some(next)
        })
    }

    /// How many of `len` bytes at `offset` lie in `most` pieces of memory.
    #[must_use]
    pub fn reach(&self, offset: u64, len: usize, most: usize) -> usize {
        match self.lent {
            None if most >= 2 => len,
            _ => self.pieces(offset, len).take(most).map(|(_, piece)| piece.len).sum(),
        }
    }

    /// The longest piece that begins at `offset`, of at most `len` bytes.
    fn piece_at(&self, offset: u64, len: usize) -> (&DmaBuf, Piece) {
        let mut len = len;
        // What is sent is mostly of the last ones.
        for (start, lent) in self.lent.iter().flat_map(|lent| &lent.pieces).rev() {
            if *start > offset {
                len = len.min((start - offset) as usize);
                continue;
            }
            let skip = (offset - start) as usize;
            if skip < lent.len() {
                let (memory, first) = lent.place();
                return (memory, Piece { offset: first + skip, len: len.min(lent.len() - skip) });
            }
            break;
        }
        (&self.memory, self.ring_pieces(offset, len).0)
    }

    /// The one or two pieces of the ring behind `len` bytes at `offset`, all of them copied into it (the second may be empty).
    fn ring_pieces(&self, offset: u64, len: usize) -> (Piece, Piece) {
        ring_pieces(self.capacity(), self.in_ring(offset) - self.front, len)
    }

    /// Goes on in `memory`, with what the ring holds; the memory that it had. One of another size comes back, and nothing is
    /// done.
    pub(crate) fn move_to(&mut self, mut memory: DmaBuf) -> Result<DmaBuf, DmaBuf> {
        if memory.len() != self.capacity() {
            return Err(memory);
        }
        let held = (self.in_ring(self.written) - self.in_ring(self.acked)) as usize;
        let start = self.in_ring(self.acked) - self.front;
        let (first, second) = ring_pieces(self.capacity(), start, held);
        let mut piece = [0; 2048];
        for Piece { offset, len } in [first, second] {
            for at in (0..len).step_by(piece.len()) {
                let part = &mut piece[..(len - at).min(2048)];
                self.memory.read(offset + at, part);
                memory.write(offset + at, part);
            }
        }
        Ok(core::mem::replace(&mut self.memory, memory))
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
        if !tail.is_empty() {
            self.memory[second.offset..][..second.len].copy_from_slice(tail);
        }
        true
    }

    /// Stores `len` bytes of those in `pieces` as [`RecvBuffer::store`] would, all but the first `skip`.
    #[inline]
    #[must_use]
    pub(crate) fn store_pieces(
        &mut self,
        ahead: usize,
        pieces: &[&[u8]],
        skip: usize,
        len: usize,
    ) -> bool {
        match pieces {
            [all] => self.store(ahead, &all[skip..][..len]),
            pieces => self.store_several(ahead, pieces, skip, len),
        }
    }

    fn store_several(
        &mut self,
        mut ahead: usize,
        pieces: &[&[u8]],
        mut skip: usize,
        mut len: usize,
    ) -> bool {
        for piece in pieces {
            let from = skip.min(piece.len());
            let part = &piece[from..][..len.min(piece.len() - from)];
            if !self.store(ahead, part) {
                return false;
            }
            (skip, len, ahead) = (skip - from, len - part.len(), ahead + part.len());
        }
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
    use crate::lend::LendMemory;

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
        assert_eq!(buffer.ring_pieces(5, 1).0.offset, 5, "not while a byte is under way");
        assert_eq!(buffer.ack(6), 1);
        assert_eq!(buffer.write(b"ghijklmn"), 8);
        let whole = (Piece { offset: 0, len: 8 }, Piece { offset: 0, len: 0 });
        assert_eq!(buffer.ring_pieces(6, 8), whole);
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

    /// The same where some of it is lent, of all lengths, also one behind the other.
    #[test]
    fn lent_pieces_stand_in_the_stream_where_they_were_lent() {
        let arena = Arena::ordinary(64 << 10).expect("memory");
        let lend = LendMemory::new(32 << 10);
        let byte = |offset: u64| (offset * 7 + offset / 5) as u8;
        let stream =
            |from: u64, len: usize| (from..from + len as u64).map(byte).collect::<Vec<u8>>();
        for capacity in 1..12_usize {
            let mut tx = SendBuffer::new(arena.alloc(capacity, 64).expect("room"));
            let mut in_ring = VecDeque::new();
            for step in 0..600_usize {
                let n = 1 + step % 7;
                if step / 3 % 2 == 0 {
                    let held: usize = in_ring.iter().filter(|&&at| at >= tx.acked()).count();
                    assert_eq!(tx.free(), capacity - held, "capacity {capacity}, step {step}");
                    let written = tx.written();
                    let taken = tx.write(&stream(written, n));
                    assert_eq!(taken, n.min(capacity - held));
                    in_ring.extend(written..written + taken as u64);
                } else if tx.lent_pieces() < 5 {
                    let mut buffer = lend.lend(&arena, n + 2).expect("room");
                    buffer[1..=n].copy_from_slice(&stream(tx.written(), n));
                    tx.lend(buffer.freeze().slice(1..1 + n));
                }
                tx.post((tx.written() - tx.posted()) as usize);
                let held = (tx.written() - tx.acked()) as usize;
                for skip in 0..held.min(3) {
                    let (from, mut sent) = (tx.acked() + skip as u64, vec![0; held - skip]);
                    tx.read(from, &mut sent);
                    assert_eq!(sent, stream(from, held - skip), "capacity {capacity}, step {step}");
                    let reached = tx.reach(from, held - skip, 2);
                    let pieces = tx.pieces(from, reached).count();
                    assert!(reached > 0 && pieces <= 2);
                    assert!(reached == held - skip || tx.pieces(from, reached + 1).count() == 3);
                }
                tx.ack(tx.acked() + (step % 5).min(held) as u64);
                while in_ring.front().is_some_and(|at| *at < tx.acked()) {
                    in_ring.pop_front();
                }
            }
            assert!(tx.acked() > 20 * capacity as u64);
            tx.let_go();
            assert!(lend.lend(&arena, 32 << 10).is_ok(), "all of it came back");
        }
    }

    #[test]
    fn pieces_are_stored_as_what_they_are_together() {
        let pieces = [&b"ab"[..], b"", b"cdef", b"g"];
        for skip in 0..=7 {
            for len in 0..=7 - skip {
                let mut buffer = RecvBuffer::new(8);
                assert!(buffer.store_pieces(1, &pieces, skip, len));
                assert!(buffer.store(0, b"-"));
                buffer.advance(1 + len);
                let (first, second) = buffer.peek_in_place(8);
                let expected = [b"-", &b"abcdefg"[skip..skip + len]].concat();
                assert_eq!([first, second].concat(), expected, "{skip} {len}");
            }
        }
        assert!(!RecvBuffer::new(4).store_pieces(0, &pieces, 0, 5));
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
