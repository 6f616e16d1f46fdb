//! Many seeds, on as many cores as are asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mafo::eal::clock::thread_cpu_time;

use crate::coverage::Coverage;
use crate::plan::Plan;
use crate::run::{self, Failure};

/// Which seeds, and by how many threads.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// What a seed decides.
    pub draw: fn(u64) -> Plan,
    /// The first one.
    pub first_seed: u64,
    /// How many, from there on.
    pub seeds: u64,
    /// Threads.
    pub jobs: usize,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Seeds that have run.
    pub seeds: u64,
    /// Seeds that violated a rule.
    pub violations: u64,
    /// Processor time of them all, in nanoseconds.
    pub cpu_nanos: u64,
    /// What they hit and reached.
    pub coverage: Coverage,
}

impl Tally {
    /// Seeds a second of one core.
    #[must_use]
    pub fn seeds_per_second(&self) -> f64 {
        if self.cpu_nanos == 0 { 0.0 } else { self.seeds as f64 * 1e9 / self.cpu_nanos as f64 }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// With the next seeds.
    On,
    /// No more seeds are begun.
    End,
}

/// What is told while it runs.
#[derive(Debug)]
pub enum News<'a> {
    /// A seed went wrong.
    Failed(&'a Failure),
    /// So far it is.
    Progress(&'a Tally),
}

/// Time between two looks at whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// What the threads have found, and failures that have not been told yet.
type Found = (Tally, Vec<Box<Failure>>);

impl Soak {
    /// Runs the seeds. `tell` hears of each failure, and several times a second how far it is, on the
    /// calling thread.
    pub fn run(&self, mut tell: impl FnMut(News<'_>) -> Course) -> Tally {
        let next = AtomicU64::new(0);
        let ended = AtomicBool::new(false);
        let found = Mutex::new((Tally::default(), Vec::new()));
        let work = || self.work(&next, &ended, &found);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs.max(1)).map(|_| scope.spawn(work)).collect();
            loop {
                // Asked first: what the last one found is told all the same.
                let done = workers.iter().all(thread::ScopedJoinHandle::is_finished);
                let (tally, failures) = {
                    let mut found = lock(&found);
                    (found.0.clone(), std::mem::take(&mut found.1))
                };
                let failed = failures.iter().map(|failure| News::Failed(failure));
                for news in failed.chain((!done).then_some(News::Progress(&tally))) {
                    if tell(news) == Course::End {
                        ended.store(true, Ordering::Relaxed);
                    }
                }
                if done {
                    return;
                }
                thread::sleep(LOOK);
            }
        });
        lock(&found).0.clone()
    }

    /// Runs one seed after the other until none is left.
    fn work(&self, next: &AtomicU64, ended: &AtomicBool, found: &Mutex<Found>) {
        while !ended.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = self.first_seed.checked_add(n).filter(|_| n < self.seeds) else {
                return;
            };
            let start = thread_cpu_time();
            let result = run::run_plan(&(self.draw)(seed));
            let cpu = (thread_cpu_time() - start).0;
            let mut found = lock(found);
            let (tally, failures) = &mut *found;
            tally.seeds += 1;
            tally.cpu_nanos += cpu;
            match result {
                Ok(outcome) => tally.coverage.add(&outcome.coverage),
                Err(failure) => {
                    tally.violations += 1;
                    failures.push(failure);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_of_the_range_runs_once_on_any_number_of_threads() {
        let soak = |jobs| Soak { draw: Plan::draw, first_seed: 40, seeds: 12, jobs };
        let one = soak(1).run(|_| Course::On);
        let three = soak(3).run(|_| Course::On);
        assert_eq!((one.seeds, one.violations), (12, 0));
        assert_eq!((three.seeds, three.violations), (12, 0));
        assert_eq!(one.coverage, three.coverage, "what a seed does is decided by it alone");
        assert!(one.coverage.states_total() >= 30, "{}", one.coverage);
    }

    #[test]
    fn an_end_leaves_what_has_been_done() {
        let soak = Soak { draw: Plan::draw, first_seed: 0, seeds: u64::MAX, jobs: 1 };
        let tally = soak.run(|news| match news {
            News::Progress(tally) if tally.seeds > 3 => Course::End,
            News::Progress(_) | News::Failed(_) => Course::On,
        });
        assert!(tally.seeds > 3 && tally.seeds_per_second() > 0.0, "{tally:?}");
    }
}
