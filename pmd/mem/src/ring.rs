//! A ring from one lcore to another: one producer, one consumer, no lock, no copy of the slots.
//!
//! ```text
//!            head (consumer)        tail (producer)
//!              │                      │
//!   ┌─────┬────▼────┬─────────┬───────▼─┬─────────┐
//!   │     │ filled  │ filled  │ free    │ free    │   slots keep their values for ever; a value is
//!   └─────┴─────────┴─────────┴─────────┴─────────┘   filled in place and swapped out, not moved
//! ```
//!
//! Indices run freely and wrap at the word; a slot is index modulo a power of two. Each side writes
//! its own index and keeps a copy of the other's, which it refreshes only when the copy says that
//! there is nothing to do: in steady state a burst costs one cache miss, not one an element.
//!
//! A burst is lent as the slices it consists of, two where it goes over the end of the ring and one
//! elsewhere, so that whoever fills or reads it does so as fast as memory can be copied.

use core::{mem, slice};

use crate::loom_or_std::{Arc, AtomicUsize, Cells, Ordering};

/// Keeps an index on cache lines of its own: two, as processors fetch lines in pairs.
#[repr(align(128))]
struct CacheAligned<T>(T);

struct Shared<T> {
    /// A power of two of them; at most `capacity` are in use.
    slots: Cells<T>,
    capacity: usize,
    /// The next slot to be read; written by the consumer.
    head: CacheAligned<AtomicUsize>,
    /// The next slot to be filled; written by the producer.
    tail: CacheAligned<AtomicUsize>,
}

// SAFETY: a slot is reached by the producer only while it lies in tail..head + capacity, and by the
// consumer only in head..tail; an index moves by a Release store after the last access of its side
// and is read by an Acquire load before the first access of the other. So values change threads but
// are never shared: T has to be Send and need not be Sync.
#[expect(unsafe_code, reason = "slots change hands between two threads")]
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Where a burst of `count` slots from `index` begins, and how many of them lie before the ring's end;
    /// the others are at its start.
    #[inline]
    fn split(&self, index: usize, count: usize) -> (usize, usize) {
        let start = index & (self.slots.len() - 1);
        (start, count.min(self.slots.len() - start))
    }

    /// Lends `count` slots from `index`.
    ///
    /// # Safety
    ///
    /// There are as many slots, and for 'a they belong to the caller alone.
    #[inline]
    #[expect(unsafe_code, reason = "slots change hands between two threads")]
    unsafe fn lend<'a>(&self, index: usize, count: usize) -> Slots<'a, T> {
        let (start, before_end) = self.split(index, count);
        // SAFETY: `split` ends the first stretch at the end of the ring at the latest, and the second is no longer
        // than a burst, which is no longer than the ring. The values are the caller's, each filled since the ring was
        // made, and the slices are apart for the same reason.
        unsafe {
            let first = self.slots.stretch(start, before_end);
            let second = self.slots.stretch(0, count - before_end);
            Slots {
                first: slice::from_raw_parts_mut(first, before_end).iter_mut(),
                second: slice::from_raw_parts_mut(second, count - before_end),
            }
        }
    }

    /// Tells loom that the owner of `count` slots from `index` has been at work on them until now.
    #[inline]
    fn witness(&self, index: usize, count: usize) {
        let (start, before_end) = self.split(index, count);
        self.slots.witness(start, before_end);
        self.slots.witness(0, count - before_end);
    }
}

/// A ring of `capacity` slots, each filled once by `init`.
///
/// Panics if `capacity` is 0.
pub fn spsc<T>(capacity: usize, init: impl FnMut() -> T) -> (Producer<T>, Consumer<T>) {
    spsc_at(0, capacity, init)
}

/// [`spsc`] whose indices start at `origin`, so that tests reach the wrap of the word.
fn spsc_at<T>(
    origin: usize,
    capacity: usize,
    mut init: impl FnMut() -> T,
) -> (Producer<T>, Consumer<T>) {
    assert!(capacity > 0, "a ring without slots");
    let shared = Arc::new(Shared {
        slots: Cells::new((0..capacity.next_power_of_two()).map(|_| init())),
        capacity,
        head: CacheAligned(AtomicUsize::new(origin)),
        tail: CacheAligned(AtomicUsize::new(origin)),
    });
    let producer = Producer { shared: shared.clone(), tail: origin, head: origin };
    (producer, Consumer { shared, head: origin, tail: origin })
}

/// The filling side of a ring.
pub struct Producer<T> {
    shared: Arc<Shared<T>>,
    tail: usize,
    /// Where the consumer was when last asked; it may have moved on since.
    head: usize,
}

impl<T> Producer<T> {
    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Slots that may be filled now. More may be free by the time the caller looks.
    #[inline]
    pub fn free(&mut self) -> usize {
        // Acquire pairs with the Release in `Consumer::release_burst`: the consumer is done with the
        // slots it gave back.
        self.head = self.shared.head.0.load(Ordering::Acquire);
        self.known_free()
    }

    /// The next free slot, to be filled and then handed over by [`Producer::publish`]. Its value is
    /// what the consumer left there.
    #[inline]
    pub fn claim(&mut self) -> Option<&mut T> {
        self.claim_burst(1).next()
    }

    /// Hands the claimed slot to the consumer. Panics if no slot is free.
    #[inline]
    pub fn publish(&mut self) {
        self.publish_burst(1);
    }

    /// The next free slots, at most `max`, to be filled in this order; [`Producer::publish_burst`]
    /// hands over as many of them, from the first, as were filled.
    #[inline]
    pub fn claim_burst(&mut self, max: usize) -> Slots<'_, T> {
        let free = if self.known_free() < max { self.free() } else { self.known_free() };
        // SAFETY: slots from tail are free, and stay the producer's, which is borrowed mutably as long
        // as they are lent, until it publishes them.
        #[expect(unsafe_code, reason = "slots change hands between two threads")]
        unsafe {
            self.shared.lend(self.tail, free.min(max))
        }
    }

    /// Hands the first `count` claimed slots to the consumer. Panics if fewer are free.
    #[inline]
    pub fn publish_burst(&mut self, count: usize) {
        let free = self.known_free();
        if count > free {
            too_many("published", count, free, "free");
        }
        self.shared.witness(self.tail, count);
        self.tail = self.tail.wrapping_add(count);
        // Release pairs with the Acquire in `Consumer::filled`: what was written to the slots is
        // seen by whoever sees the index.
        self.shared.tail.0.store(self.tail, Ordering::Release);
    }

    /// Copies the first of `values` into the ring and hands them to the consumer, as many as there is room
    /// for; returns how many.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let (first, second) = self.claim_burst(values.len()).into_slices();
        let count = first.len() + second.len();
        let (before_end, rest) = values[..count].split_at(first.len());
        first.copy_from_slice(before_end);
        second.copy_from_slice(rest);
        self.publish_burst(count);
        count
    }

    #[inline]
    fn known_free(&self) -> usize {
        self.shared.capacity - self.tail.wrapping_sub(self.head)
    }
}

/// The emptying side of a ring.
pub struct Consumer<T> {
    shared: Arc<Shared<T>>,
    head: usize,
    /// Where the producer was when last asked; it may have moved on since.
    tail: usize,
}

impl<T> Consumer<T> {
    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Filled slots. More may be filled by the time the caller looks.
    #[inline]
    pub fn filled(&mut self) -> usize {
        // Acquire pairs with the Release in `Producer::publish_burst`.
        self.tail = self.shared.tail.0.load(Ordering::Acquire);
        self.known_filled()
    }

    /// The oldest filled slot, to be read or swapped out and then given back by
    /// [`Consumer::release`].
    #[inline]
    pub fn peek(&mut self) -> Option<&mut T> {
        self.peek_burst(1).next()
    }

    /// Gives the oldest slot back to the producer. Panics if none is filled.
    #[inline]
    pub fn release(&mut self) {
        self.release_burst(1);
    }

    /// The oldest filled slots, at most `max`, oldest first; [`Consumer::release_burst`] gives back
    /// as many of them, from the first, as were dealt with.
    #[inline]
    pub fn peek_burst(&mut self, max: usize) -> Slots<'_, T> {
        let filled = if self.known_filled() < max { self.filled() } else { self.known_filled() };
        // SAFETY: slots from head are filled, and stay the consumer's, which is borrowed mutably as long
        // as they are lent, until it releases them.
        #[expect(unsafe_code, reason = "slots change hands between two threads")]
        unsafe {
            self.shared.lend(self.head, filled.min(max))
        }
    }

    /// Gives the oldest `count` slots back to the producer. Panics if fewer are filled.
    #[inline]
    pub fn release_burst(&mut self, count: usize) {
        let filled = self.known_filled();
        if count > filled {
            too_many("released", count, filled, "filled");
        }
        self.shared.witness(self.head, count);
        self.head = self.head.wrapping_add(count);
        // Release pairs with the Acquire in `Producer::free`: the consumer reads no longer.
        self.shared.head.0.store(self.head, Ordering::Release);
    }

    /// Copies the oldest values to the start of `values`, as many as there are and as have room there, and
    /// gives their slots back to the producer; returns how many.
    #[inline]
    pub fn pop_slice(&mut self, values: &mut [T]) -> usize
    where
        T: Copy,
    {
        let (first, second) = self.peek_burst(values.len()).into_slices();
        let count = first.len() + second.len();
        let (before_end, rest) = values[..count].split_at_mut(first.len());
        before_end.copy_from_slice(first);
        rest.copy_from_slice(second);
        self.release_burst(count);
        count
    }

    /// The oldest filled slot without taking note of it, for those who only look.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        // Acquire pairs with the Release in `Producer::publish_burst`.
        let tail = self.shared.tail.0.load(Ordering::Acquire);
        let (start, _) = self.shared.split(self.head, 1);
        // SAFETY: the slot at head lies in the ring, is filled and stays the consumer's while `self` is borrowed.
        #[expect(unsafe_code, reason = "slots change hands between two threads")]
        (self.head != tail).then(|| unsafe { &*self.shared.slots.stretch(start, 1) })
    }

    #[inline]
    fn known_filled(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }
}

/// Slots lent by [`Producer::claim_burst`] or [`Consumer::peek_burst`], oldest first: one by one, or as
/// the slices they are.
#[must_use = "slots are lent to be filled or read"]
pub struct Slots<'a, T> {
    /// Up to the end of the ring at most.
    first: slice::IterMut<'a, T>,
    /// What follows at its start.
    second: &'a mut [T],
}

impl<'a, T> Slots<'a, T> {
    /// The slots that lie side by side, and those that follow them; the second slice is empty unless the
    /// burst goes over the end of the ring.
    #[inline]
    #[must_use]
    pub fn into_slices(self) -> (&'a mut [T], &'a mut [T]) {
        (self.first.into_slice(), self.second)
    }

    /// Replaces what is in the slots, oldest first, by `values`, until either ends; how many were replaced.
    #[inline]
    pub fn fill(self, mut values: impl Iterator<Item = T>) -> usize {
        let mut filled = 0;
        let (first, second) = self.into_slices();
        for slots in [first, second] {
            for slot in slots {
                let Some(value) = values.next() else { return filled };
                *slot = value;
                filled += 1;
            }
        }
        filled
    }
}

impl<'a, T> Iterator for Slots<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        self.first.next().or_else(|| {
            self.first = mem::take(&mut self.second).iter_mut();
            self.first.next()
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.first.len() + self.second.len();
        (left, Some(left))
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a mut T) -> B>(self, init: B, mut f: F) -> B {
        let init = self.first.fold(init, &mut f);
        self.second.iter_mut().fold(init, f)
    }
}

impl<T> ExactSizeIterator for Slots<'_, T> {}

/// Whoever hands over more slots than are his has a bug. Out of line, so that the counts stay in registers elsewhere.
#[cold]
#[inline(never)]
fn too_many(done: &str, count: usize, there: usize, which: &str) -> ! {
    panic!("{count} slots {done}, {there} {which}");
}

#[cfg(test)]
mod tests;
