//! Without loom: index arithmetic, exhaustively for small rings. With it: both sides at once.

#[cfg(not(loom))]
mod alone {
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
        core::mem::swap(consumer.peek().expect("published"), &mut spare);
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
