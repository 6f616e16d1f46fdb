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

use crate::loom_or_std::{Arc, AtomicUsize, Ordering, Slot};

/// Keeps an index on cache lines of its own: two, as processors fetch lines in pairs.
#[repr(align(128))]
struct CacheAligned<T>(T);

struct Shared<T> {
    /// A power of two of them; at most `capacity` are in use.
    slots: Box<[Slot<T>]>,
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
    fn slot(&self, index: usize) -> *mut T {
        self.slots[index & (self.slots.len() - 1)].get()
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
        slots: (0..capacity.next_power_of_two()).map(|_| Slot::new(init())).collect(),
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
    pub fn free(&mut self) -> usize {
        // Acquire pairs with the Release in `Consumer::release_burst`: the consumer is done with the
        // slots it gave back.
        self.head = self.shared.head.0.load(Ordering::Acquire);
        self.known_free()
    }

    /// The next free slot, to be filled and then handed over by [`Producer::publish`]. Its value is
    /// what the consumer left there.
    pub fn claim(&mut self) -> Option<&mut T> {
        self.claim_burst(1).next()
    }

    /// Hands the claimed slot to the consumer. Panics if no slot is free.
    pub fn publish(&mut self) {
        self.publish_burst(1);
    }

    /// The next free slots, at most `max`, to be filled in this order; [`Producer::publish_burst`]
    /// hands over as many of them, from the first, as were filled.
    pub fn claim_burst(&mut self, max: usize) -> Slots<'_, T> {
        let free = if self.known_free() < max { self.free() } else { self.known_free() };
        Slots { shared: &self.shared, next: self.tail, left: free.min(max) }
    }

    /// Hands the first `count` claimed slots to the consumer. Panics if fewer are free.
    pub fn publish_burst(&mut self, count: usize) {
        assert!(count <= self.known_free(), "{count} slots published, {} free", self.known_free());
        self.tail = self.tail.wrapping_add(count);
        // Release pairs with the Acquire in `Consumer::filled`: what was written to the slots is
        // seen by whoever sees the index.
        self.shared.tail.0.store(self.tail, Ordering::Release);
    }

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
    pub fn filled(&mut self) -> usize {
        // Acquire pairs with the Release in `Producer::publish_burst`.
        self.tail = self.shared.tail.0.load(Ordering::Acquire);
        self.known_filled()
    }

    /// The oldest filled slot, to be read or swapped out and then given back by
    /// [`Consumer::release`].
    pub fn peek(&mut self) -> Option<&mut T> {
        self.peek_burst(1).next()
    }

    /// Gives the oldest slot back to the producer. Panics if none is filled.
    pub fn release(&mut self) {
        self.release_burst(1);
    }

    /// The oldest filled slots, at most `max`, oldest first; [`Consumer::release_burst`] gives back
    /// as many of them, from the first, as were dealt with.
    pub fn peek_burst(&mut self, max: usize) -> Slots<'_, T> {
        let filled = if self.known_filled() < max { self.filled() } else { self.known_filled() };
        Slots { shared: &self.shared, next: self.head, left: filled.min(max) }
    }

    /// Gives the oldest `count` slots back to the producer. Panics if fewer are filled.
    pub fn release_burst(&mut self, count: usize) {
        assert!(
            count <= self.known_filled(),
            "{count} slots released, {} filled",
            self.known_filled()
        );
        self.head = self.head.wrapping_add(count);
        // Release pairs with the Acquire in `Producer::free`: the consumer reads no longer.
        self.shared.head.0.store(self.head, Ordering::Release);
    }

    /// The oldest filled slot without taking note of it, for those who only look.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        // Acquire pairs with the Release in `Producer::publish_burst`.
        let tail = self.shared.tail.0.load(Ordering::Acquire);
        // SAFETY: the slot at head is filled and stays the consumer's while `self` is borrowed.
        #[expect(unsafe_code, reason = "slots change hands between two threads")]
        (self.head != tail).then(|| unsafe { &*self.shared.slot(self.head) })
    }

    fn known_filled(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }
}

/// A stretch of slots lent by [`Producer::claim_burst`] or [`Consumer::peek_burst`].
#[must_use = "slots are lent to be filled or read"]
pub struct Slots<'a, T> {
    shared: &'a Shared<T>,
    next: usize,
    left: usize,
}

impl<'a, T> Iterator for Slots<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.shared.slot(self.next);
        self.next = self.next.wrapping_add(1);
        // SAFETY: the stretch lies within what its side of the ring owns and that side is mutably
        // borrowed for 'a, so neither side can reach the slot by another way; and `next` visits
        // each slot of a stretch, which is no longer than the ring, once.
        #[expect(unsafe_code, reason = "slots change hands between two threads")]
        Some(unsafe { &mut *slot })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Slots<'_, T> {}

#[cfg(test)]
mod tests;
