//! Without loom: index arithmetic, exhaustively for small rings. With it: both sides at once.

#[cfg(not(loom))]
mod alone {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::super::*;

    /// A ring beside a queue that must agree with it.
    struct Twin {
        producer: Producer<u32>,
        consumer: Consumer<u32>,
        model: VecDeque<u32>,
        written: u32,
    }

    impl Twin {
        fn new(origin: usize, capacity: usize) -> Self {
            let (producer, consumer) = spsc_at(origin, capacity, || 0);
            Self { producer, consumer, model: VecDeque::new(), written: 0 }
        }

        /// Claims up to `claim` slots, fills them all, publishes `publish` of them.
        fn fill(&mut self, claim: usize, publish: usize) {
            let room = self.producer.capacity() - self.model.len();
            let slots = self.producer.claim_burst(claim);
            assert_eq!(slots.len(), claim.min(room), "claimed");
            let mut filled = Vec::new();
            for slot in slots {
                self.written += 1;
                *slot = self.written;
                filled.push(self.written);
            }
            let count = publish.min(filled.len());
            self.producer.publish_burst(count);
            self.model.extend(&filled[..count]);
        }

        /// Peeks at up to `peek` slots, checks them all, releases `release` of them.
        fn drain(&mut self, peek: usize, release: usize) {
            assert_eq!(self.consumer.first(), self.model.front());
            let slots = self.consumer.peek_burst(peek);
            assert_eq!(slots.len(), peek.min(self.model.len()), "peeked");
            let seen: Vec<u32> = slots.map(|slot| *slot).collect();
            assert!(
                seen.iter().eq(self.model.iter().take(seen.len())),
                "{seen:?} of {:?}",
                self.model
            );
            let count = release.min(seen.len());
            self.consumer.release_burst(count);
            self.model.drain(..count);
        }

        fn check(&mut self) {
            assert_eq!(self.consumer.filled(), self.model.len());
            assert_eq!(self.producer.free(), self.producer.capacity() - self.model.len());
        }
    }

    /// All sequences of `depth` operations, told as a number whose digits are the choices.
    fn all_sequences(origin: usize, capacity: usize, depth: u32) {
        let width = capacity + 2;
        let choices = 2 * width;
        for sequence in 0..choices.pow(depth) {
            let mut twin = Twin::new(origin, capacity);
            let mut rest = sequence;
            for _ in 0..depth {
                let (choice, count) = (rest % choices, rest % choices / 2);
                rest /= choices;
                // Odd counts claim or peek one more than they publish or release.
                if choice % 2 == 0 {
                    twin.fill(count + count % 2, count);
                } else {
                    twin.drain(count + count % 2, count);
                }
            }
            twin.check();
        }
    }

    #[test]
    fn small_rings_agree_with_a_queue_in_every_sequence() {
        for capacity in 1..=if cfg!(miri) { 2 } else { 5 } {
            let depth = if cfg!(miri) { 3 } else { 5 };
            // At the origin, and with the word's wrap at every place in the ring.
            for before_wrap in 0..=capacity {
                all_sequences(0usize.wrapping_sub(before_wrap), capacity, depth);
            }
        }
    }

    #[test]
    fn values_stay_in_their_slots() {
        let mut next = 0;
        let (mut producer, mut consumer) = spsc(3, || {
            next += 1;
            vec![next]
        });
        assert_eq!(producer.capacity(), 3);
        // What the consumer swaps in is what the producer finds a lap (of four slots) later.
        let mut spare = vec![99];
        let slot = producer.claim().expect("an empty ring has room");
        slot.push(7);
        producer.publish();
        mem::swap(consumer.peek().expect("published"), &mut spare);
        consumer.release();
        assert_eq!(spare, [1, 7]);
        let mut found = Vec::new();
        for _ in 0..4 {
            found.push(producer.claim().expect("drained each time").clone());
            producer.publish();
            consumer.peek().expect("published");
            consumer.release();
        }
        assert_eq!(found, [vec![2], vec![3], vec![4], vec![99]]);
    }

    #[test]
    fn copies_agree_with_a_queue_wherever_the_ring_ends() {
        let (sizes, rounds) = if cfg!(miri) { (3, 6) } else { (9, 40) };
        for (capacity, push, pop) in (1..=sizes).flat_map(|capacity| {
            (0..=capacity + 1)
                .flat_map(move |push| (0..=capacity + 1).map(move |pop| (capacity, push, pop)))
        }) {
            let mut twin = Twin::new(0usize.wrapping_sub(2 * capacity), capacity);
            for _ in 0..rounds {
                let values: Vec<u32> = (0..push as u32).map(|n| twin.written + n).collect();
                let room = capacity - twin.model.len();
                let pushed = twin.producer.push_slice(&values);
                assert_eq!(pushed, push.min(room), "pushed");
                twin.model.extend(&values[..pushed]);
                twin.written += pushed as u32;
                let mut values = vec![u32::MAX; pop];
                let popped = twin.consumer.pop_slice(&mut values);
                assert_eq!(popped, pop.min(twin.model.len()), "popped");
                assert!(
                    values[..popped].iter().copied().eq(twin.model.drain(..popped)),
                    "{values:?}"
                );
                assert!(
                    values[popped..].iter().all(|&value| value == u32::MAX),
                    "more than it says"
                );
                twin.check();
            }
        }
    }

    #[test]
    fn a_burst_is_one_slice_or_two_where_the_ring_ends() {
        // Six of eight slots in use.
        for origin in 0..8 {
            let (mut producer, mut consumer) = spsc_at(origin, 6, || 0);
            let before_end = (8 - origin).min(5);
            let (first, second) = producer.claim_burst(5).into_slices();
            assert_eq!((first.len(), second.len()), (before_end, 5 - before_end), "from {origin}");
            first.iter_mut().chain(second).for_each(|slot| *slot = 9);
            // Values end before slots do, and slots before values.
            assert_eq!(producer.claim_burst(5).fill([1, 2].into_iter()), 2);
            producer.publish_burst(2);
            assert_eq!(producer.claim_burst(3).fill(3..), 3);
            producer.publish_burst(3);
            let (first, second) = consumer.peek_burst(6).into_slices();
            assert_eq!((first.len(), second.len()), (before_end, 5 - before_end), "from {origin}");
            assert_eq!([first, second].concat(), [1, 2, 3, 4, 5]);
            // Two of the five, then the rest one by one and all at once.
            consumer.release_burst(2);
            let mut slots = consumer.peek_burst(6);
            assert_eq!((slots.next().copied(), slots.len()), (Some(3), 2));
            assert_eq!(slots.map(|slot| *slot).fold(0, |sum, value| sum * 10 + value), 45);
        }
    }

    /// Counts how often it is dropped.
    struct Dropped<'a>(&'a Cell<u32>);

    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn what_is_left_in_a_ring_is_dropped_once() {
        for (filled, is_producer_last) in (0..=3).flat_map(|n| [(n, false), (n, true)]) {
            // Three slots that may be filled, and a fourth; from the end of the ring on.
            let (born, sent) = (Cell::new(0), [const { Cell::new(0) }; 3]);
            let (mut producer, consumer) = spsc_at(3, 3, || Dropped(&born));
            producer.claim_burst(filled).zip(&sent).for_each(|(slot, sent)| *slot = Dropped(sent));
            // The last that was filled stays unpublished.
            producer.publish_burst(filled.saturating_sub(1));
            assert_eq!(born.get(), filled as u32, "replaced");
            if is_producer_last {
                drop(consumer);
                assert_eq!(born.get(), filled as u32, "the producer still has them");
                drop(producer);
            } else {
                drop(producer);
                assert_eq!(born.get(), filled as u32, "the consumer still has them");
                drop(consumer);
            }
            assert_eq!(born.get(), 4, "all that the ring was made with");
            let dropped: u32 = sent.iter().map(Cell::get).sum();
            assert!(
                sent.iter().all(|sent| sent.get() <= 1) && dropped == filled as u32,
                "{sent:?}"
            );
        }
    }

    #[test]
    fn a_claim_that_is_not_published_changes_nothing() {
        let (mut producer, mut consumer) = spsc(2, || 0);
        *producer.claim().expect("room") = 1;
        assert_eq!(consumer.peek(), None);
        *producer.claim().expect("the same slot again") = 2;
        producer.publish();
        assert_eq!(consumer.peek(), Some(&mut 2));
    }

    #[test]
    fn handing_over_what_one_does_not_own_is_a_bug() {
        let (mut producer, mut consumer) = spsc(2, || 0);
        assert!(catch_unwind(AssertUnwindSafe(|| consumer.release())).is_err(), "empty");
        producer.publish_burst(2);
        assert!(catch_unwind(AssertUnwindSafe(|| producer.publish())).is_err(), "full");
        assert!(catch_unwind(AssertUnwindSafe(|| spsc(0, || 0))).is_err(), "no slots");
    }

    #[test]
    fn two_threads_pass_everything_in_order() {
        let total: u32 = if cfg!(miri) { 200 } else { 100_000 };
        let (mut producer, mut consumer) = spsc(7, || Box::new(0));
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut next = 0;
                while next < total {
                    let mut filled = 0;
                    for slot in producer.claim_burst((total - next).min(3) as usize) {
                        **slot = next;
                        next += 1;
                        filled += 1;
                    }
                    producer.publish_burst(filled);
                    std::thread::yield_now();
                }
            });
            let mut expected = 0;
            while expected < total {
                let mut seen = 0;
                for slot in consumer.peek_burst(5) {
                    assert_eq!(**slot, expected);
                    expected += 1;
                    seen += 1;
                }
                consumer.release_burst(seen);
                std::thread::yield_now();
            }
            assert_eq!(consumer.peek(), None);
        });
    }
}

#[cfg(loom)]
mod interleaved {
    use super::super::*;

    /// Every interleaving of a producer that tries `tries` times to fill up to `burst` slots with
    /// their consumer, who tries as often to read as many, and reads the rest at the end. (Nobody
    /// spins: loom would have to try every number of turns.) Loom also fails if an access to a slot
    /// is not ordered after the other side's.
    fn pass_through(capacity: usize, tries: usize, burst: usize) {
        fn drain(consumer: &mut Consumer<u32>, burst: usize, expected: &mut u32) {
            let mut seen = 0;
            for slot in consumer.peek_burst(burst) {
                assert_eq!(slot, expected);
                *expected += 1;
                seen += 1;
            }
            consumer.release_burst(seen);
        }
        loom::model(move || {
            let (mut producer, mut consumer) = spsc(capacity, || 0);
            let filling = loom::thread::spawn(move || {
                let mut next = 0;
                for _ in 0..tries {
                    let mut filled = 0;
                    for slot in producer.claim_burst(burst) {
                        *slot = next;
                        next += 1;
                        filled += 1;
                    }
                    producer.publish_burst(filled);
                }
                next
            });
            let mut expected = 0;
            for _ in 0..tries {
                drain(&mut consumer, burst, &mut expected);
            }
            let written = filling.join().expect("the producer ends");
            assert!(written >= capacity.min(tries * burst) as u32, "an empty ring has room");
            drain(&mut consumer, capacity, &mut expected);
            assert_eq!(expected, written, "all that was written was read");
        });
    }

    #[test]
    fn one_slot_is_handed_back_and_forth() {
        pass_through(1, 3, 1);
    }

    #[test]
    fn two_slots_one_at_a_time() {
        pass_through(2, 3, 1);
    }

    #[test]
    fn bursts_over_a_full_ring() {
        pass_through(2, 3, 2);
    }

    #[test]
    fn copies_over_the_end_of_the_ring() {
        loom::model(|| {
            // The second slot is the last before the ring ends.
            let (mut producer, mut consumer) = spsc_at(1, 2, || 0);
            let filling = loom::thread::spawn(move || {
                let sent = producer.push_slice(&[1, 2]);
                sent + producer.push_slice(&[3, 4][..])
            });
            let (mut seen, mut values) = (Vec::new(), [0; 2]);
            for _ in 0..2 {
                let count = consumer.pop_slice(&mut values);
                seen.extend_from_slice(&values[..count]);
            }
            let sent = filling.join().expect("the producer ends");
            while seen.len() < sent {
                let count = consumer.pop_slice(&mut values);
                assert!(count > 0, "all that was sent can be read");
                seen.extend_from_slice(&values[..count]);
            }
            assert_eq!(seen, [1, 2, 3, 4][..sent]);
            assert!(sent >= 2, "an empty ring has room");
        });
    }

    #[test]
    fn a_look_sees_whole_values() {
        loom::model(|| {
            let (mut producer, consumer) = spsc(2, || 0);
            let filling = loom::thread::spawn(move || {
                *producer.claim().expect("an empty ring has room") = 7;
                producer.publish();
            });
            assert!(consumer.first().is_none_or(|&value| value == 7));
            filling.join().expect("the producer ends");
            assert_eq!(consumer.first(), Some(&7));
        });
    }

    #[test]
    fn what_is_never_read_is_freed_once() {
        loom::model(|| {
            let (mut producer, mut consumer) = spsc(2, || Arc::new(0));
            let kept = Arc::new(7);
            let sent = kept.clone();
            let filling = loom::thread::spawn(move || {
                *producer.claim().expect("an empty ring has room") = sent;
                producer.publish();
            });
            let seen = consumer.peek().is_some_and(|slot| **slot == 7);
            drop(consumer);
            filling.join().expect("the producer ends");
            assert_eq!(Arc::strong_count(&kept), 1, "seen: {seen}");
        });
    }
}
