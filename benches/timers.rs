//! Timers of many connections: armed for later, run out and armed anew, disarmed and armed; a wheel, a `BTreeSet`, a heap.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mafo_mem::{Nanos, Wheel};

/// The least timeout of a retransmission (RFC 6298 has a second; this is what Linux has).
const RTO: u64 = 200_000_000;

/// What keeps deadlines. A later one than that for which somebody waits changes nothing in any of them.
trait Timers {
    fn arm(&mut self, id: u32, deadline: u64);
    fn pop_due(&mut self, now: u64) -> Option<u32>;
}

impl Timers for Wheel {
    fn arm(&mut self, id: u32, deadline: u64) {
        Self::arm(self, id, Nanos(deadline));
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        Self::pop_due(self, Nanos(now))
    }
}

/// Entries in order, the earlier of one's own being taken out when there is another.
struct Set {
    waiting: BTreeSet<(u64, u32)>,
    armed: Vec<u64>,
}

impl Timers for Set {
    fn arm(&mut self, id: u32, deadline: u64) {
        let armed = &mut self.armed[id as usize];
        if deadline < *armed {
            self.waiting.remove(&(*armed, id));
            self.waiting.insert((deadline, id));
            *armed = deadline;
        }
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        let &(deadline, id) = self.waiting.first().filter(|first| first.0 <= now)?;
        self.waiting.remove(&(deadline, id));
        self.armed[id as usize] = u64::MAX;
        Some(id)
    }
}

/// Entries of which the older ones of a connection stay, and are nobody's when they come.
struct Heap {
    waiting: BinaryHeap<Reverse<(u64, u32)>>,
    armed: Vec<u64>,
}

impl Timers for Heap {
    fn arm(&mut self, id: u32, deadline: u64) {
        let armed = &mut self.armed[id as usize];
        if deadline < *armed {
            self.waiting.push(Reverse((deadline, id)));
            *armed = deadline;
        }
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        loop {
            let &Reverse((deadline, id)) = self.waiting.peek().filter(|first| first.0.0 <= now)?;
            self.waiting.pop();
            let armed = &mut self.armed[id as usize];
            if *armed == deadline {
                *armed = u64::MAX;
                return Some(id);
            }
        }
    }
}

/// A time to each, by which nobody could sort them.
fn spread(id: u32) -> u64 {
    u64::from(id.wrapping_mul(0x9e37_79b9)) % RTO
}

/// All that are due at `now` are armed anew; how many.
fn run_out(timers: &mut impl Timers, now: u64) -> u32 {
    let mut due = 0;
    while let Some(id) = timers.pop_due(now) {
        timers.arm(id, now + RTO);
        due += 1;
    }
    due
}

fn measure(criterion: &mut Criterion, name: &str, connections: u32, mut timers: impl Timers) {
    for id in 0..connections {
        timers.arm(id, RTO + spread(id));
    }
    let mut group = criterion.benchmark_group(format!("timers of {connections}"));
    let mut n = 0;
    group.bench_function(BenchmarkId::new("a later deadline", name), |b| {
        b.iter(|| {
            n = (n + 48_611) % connections;
            timers.arm(black_box(n), black_box(u64::MAX / 2));
        });
    });
    // A fifth of a second goes by in so many steps that one runs out in each, more or less.
    let step = RTO / u64::from(connections);
    let mut now = 0;
    let mut run = || {
        now += step;
        run_out(&mut timers, now)
    };
    // Twice round, all have come once.
    let came: u32 = (0..2 * connections).map(|_| run()).sum();
    assert!((connections..=2 * connections).contains(&came), "{name}: {came} of {connections}");
    group.bench_function(BenchmarkId::new("run out and armed anew", name), |b| b.iter(&mut run));
    group.finish();
}

/// Connections that end and begin.
fn end(criterion: &mut Criterion, connections: u32) {
    let mut group = criterion.benchmark_group(format!("timers of {connections}"));
    let mut wheel = Wheel::with_capacity(connections as usize);
    let mut set = BTreeSet::new();
    for id in 0..connections {
        wheel.arm(id, Nanos(RTO + spread(id)));
        set.insert((RTO + spread(id), id));
    }
    assert_eq!(wheel.next().map(|next| next.0), set.first().map(|first| first.0));
    let mut id = 0;
    group.bench_function(BenchmarkId::new("disarmed and armed", "wheel"), |b| {
        b.iter(|| {
            id = (id + 48_611) % connections;
            wheel.disarm(black_box(id));
            wheel.arm(id, Nanos(RTO + spread(id)));
        });
    });
    group.bench_function(BenchmarkId::new("disarmed and armed", "BTreeSet"), |b| {
        b.iter(|| {
            id = (id + 48_611) % connections;
            assert!(set.remove(&(RTO + spread(black_box(id)), id)));
            set.insert((RTO + spread(id), id))
        });
    });
    group.finish();
}

fn timers(criterion: &mut Criterion) {
    for connections in [64, 100_000] {
        let count = connections as usize;
        measure(criterion, "wheel", connections, Wheel::with_capacity(count));
        let armed = vec![u64::MAX; count];
        let set = Set { waiting: BTreeSet::new(), armed: armed.clone() };
        measure(criterion, "BTreeSet", connections, set);
        let heap = Heap { waiting: BinaryHeap::new(), armed };
        measure(criterion, "BinaryHeap", connections, heap);
        end(criterion, connections);
    }
}

criterion_group!(benches, timers);
criterion_main!(benches);
