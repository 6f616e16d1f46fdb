//! The way of a snapshot from its lcore to those who answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

use crate::snapshot::Snapshot;

/// How long an lcore may take until what it said last is told again: it sleeps no longer than a tenth of a second.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Shared {
    /// Set by who asks, cleared by who answers.
    wanted: AtomicBool,
    /// The last one, until it is taken.
    place: ArrayQueue<Snapshot>,
}

/// An lcore's end.
#[derive(Debug)]
pub struct Publisher(Arc<Shared>);

impl Publisher {
    /// Whether somebody has asked.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        // What it stands for comes with the place itself.
        self.0.wanted.load(Ordering::Relaxed)
    }

    /// Puts a snapshot in the place of the one before it.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.wanted.store(false, Ordering::Relaxed);
        drop(self.0.place.force_push(snapshot));
    }
}

/// The other end of all of them.
#[derive(Debug, Default)]
pub struct Collector {
    lcores: Vec<(Arc<Shared>, Snapshot)>,
}

impl Collector {
    /// One for so many lcores, and what each of them gets.
    #[must_use]
    pub fn new(lcores: usize) -> (Self, Vec<Publisher>) {
        let shared = || Shared { wanted: AtomicBool::new(false), place: ArrayQueue::new(1) };
        let all: Vec<Arc<Shared>> = (0..lcores).map(|_| Arc::new(shared())).collect();
        let publishers = all.iter().map(|shared| Publisher(Arc::clone(shared))).collect();
        (
            Self { lcores: all.into_iter().map(|shared| (shared, Snapshot::default())).collect() },
            publishers,
        )
    }

    /// What all of them say now; of one that does not answer in time, what it said last.
    pub fn collect(&mut self) -> Snapshot {
        for (shared, _) in &self.lcores {
            drop(shared.place.pop());
            shared.wanted.store(true, Ordering::Relaxed);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut whole = Snapshot::default();
        for (shared, last) in &mut self.lcores {
            let fresh = loop {
                let fresh = shared.place.pop();
                if fresh.is_some() || Instant::now() >= deadline {
                    break fresh;
                }
                thread::sleep(LOOK);
            };
            if let Some(fresh) = fresh {
                *last = fresh;
            }
            whole.merge(last.clone());
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Port;

    fn named(name: &str) -> Snapshot {
        let port = Port { name: name.to_owned(), ..Port::default() };
        Snapshot { ports: vec![port], sections: Vec::new() }
    }

    fn names(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.ports.iter().map(|port| port.name.as_str()).collect()
    }

    /// Who has nothing fresh to say is quoted.
    #[test]
    fn the_last_word_of_each_counts() {
        let (mut collector, publishers) = Collector::new(2);
        assert!(publishers.iter().all(|lcore| !lcore.is_wanted()));
        let (asked, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                for (n, lcore) in publishers.iter().enumerate() {
                    while !lcore.is_wanted() {
                        thread::yield_now();
                    }
                    lcore.publish(named(&format!("lcore{n}")));
                    assert!(!lcore.is_wanted());
                }
                asked.store(true, Ordering::SeqCst);
                while !publishers[1].is_wanted() && !done.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                publishers[1].publish(named("again"));
                while !done.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            });
            let first = collector.collect();
            let had_asked = asked.load(Ordering::SeqCst);
            let second = collector.collect();
            // Whatever was said: nobody is to be waited for.
            done.store(true, Ordering::SeqCst);
            assert_eq!(names(&first), ["lcore0", "lcore1"]);
            assert!(had_asked);
            assert_eq!(names(&second), ["lcore0", "again"]);
        });
        assert!(publishers[0].is_wanted());
        publishers[0].publish(named("old"));
        publishers[0].publish(named("new"));
        // What was put there before it was asked for is no answer.
        assert_eq!(names(&collector.collect()), ["lcore0", "again"]);
    }
}
