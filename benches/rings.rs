//! A burst into a ring and out again on one core: ours, rtrb's and crossbeam-queue's `ArrayQueue`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_queue::ArrayQueue;
use mafo_mem::ring;

/// Slots of each ring.
const CAPACITY: usize = 1024;

/// A word, and what describes a packet.
type Descriptor = [u64; 3];

trait Element: Copy + Default + PartialEq + core::fmt::Debug + 'static {
    fn of(n: u64) -> Self;
}

impl Element for u64 {
    fn of(n: u64) -> Self {
        n
    }
}

impl Element for Descriptor {
    fn of(n: u64) -> Self {
        [n, n + 1, n + 2]
    }
}

/// A burst into a ring, and out again: how many came.
type Pass<T> = Box<dyn FnMut(&[T], &mut [T]) -> usize>;

fn ours<T: Element>() -> impl FnMut(&[T], &mut [T]) -> usize {
    let (mut producer, mut consumer) = ring::spsc(CAPACITY, T::default);
    move |src, dst| {
        producer.push_slice(black_box(src));
        consumer.pop_slice(black_box(dst))
    }
}

/// Slots filled and read where they lie.
fn ours_in_place<T: Element>() -> impl FnMut(&[T], &mut [T]) -> usize {
    let (mut producer, mut consumer) = ring::spsc(CAPACITY, T::default);
    move |src, dst| {
        let src = black_box(src);
        let filled = producer.claim_burst(src.len()).fill(src.iter().copied());
        producer.publish_burst(filled);
        let slots = consumer.peek_burst(dst.len());
        let count = slots.len();
        black_box(&mut *dst).iter_mut().zip(slots).for_each(|(value, slot)| *value = *slot);
        consumer.release_burst(count);
        count
    }
}

fn rtrb<T: Element>() -> impl FnMut(&[T], &mut [T]) -> usize {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(CAPACITY);
    move |src, dst| {
        producer.push_entire_slice(black_box(src)).expect("room");
        consumer.pop_entire_slice(black_box(&mut *dst)).expect("as many as were pushed");
        dst.len()
    }
}

fn array_queue<T: Element>() -> impl FnMut(&[T], &mut [T]) -> usize {
    let queue = ArrayQueue::new(CAPACITY);
    move |src, dst| {
        black_box(src).iter().for_each(|value| queue.push(*value).expect("room"));
        let dst = black_box(&mut *dst).iter_mut();
        dst.map_while(|value| queue.pop().map(|popped| *value = popped)).count()
    }
}

fn passes<T: Element>(criterion: &mut Criterion, element: &str) {
    for burst in [1, 8, 32] {
        let mut group = criterion.benchmark_group(format!("rings/{element}"));
        group.throughput(Throughput::Elements(burst as u64));
        let src: Vec<T> = (0..burst as u64).map(T::of).collect();
        let mut dst = vec![T::default(); burst];
        let mut rings: [(&str, Pass<T>); 4] = [
            ("mafo", Box::new(ours())),
            ("mafo-in-place", Box::new(ours_in_place())),
            ("rtrb", Box::new(rtrb())),
            ("arrayqueue", Box::new(array_queue())),
        ];
        for (name, pass) in &mut rings {
            // Two laps, so that bursts go over the end of the ring.
            for _ in 0..2 * CAPACITY / burst + 1 {
                dst.fill(T::default());
                assert_eq!((pass(&src, &mut dst), &dst), (burst, &src), "{name}");
            }
            group.bench_function(BenchmarkId::new(*name, burst), |b| {
                b.iter(|| pass(&src, &mut dst))
            });
        }
        group.finish();
    }
}

fn rings(criterion: &mut Criterion) {
    passes::<u64>(criterion, "8 B");
    passes::<Descriptor>(criterion, "24 B");
}

criterion_group!(benches, rings);
criterion_main!(benches);
