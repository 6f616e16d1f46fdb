//! Software adapters on a core of their own (`--asic-core`), as cards work for themselves.
//!
//! ```text
//!   bench's core                         the adapters' core
//!   client ─ host, driver ── rings ────► its card ══ link ══ the server's card
//!   server ─ host, driver ── rings ────►
//! ```
//!
//! What is measured is the hosts' core. The time that the cards go by is the hosts'; while that stands still, since another stack has
//! its turn, they rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mafo::eal::lcore;
use mafo::{CardRunner, Nanos};

use super::BenchError;

/// Turns of the cards in which the hosts' time stands still until they rest.
const PATIENCE: u32 = 10_000;
/// How long they rest at a time.
const REST: Duration = Duration::from_micros(100);

/// What the cards' thread and their hosts share.
#[derive(Debug, Default)]
struct Shared {
    /// The hosts' time, in nanoseconds.
    now: AtomicU64,
    is_over: AtomicBool,
}

/// A thread on a core of its own, that polls the cards of whoever has some, of one pair of hosts at a time.
pub(super) struct CardCore {
    jobs: Sender<(Vec<CardRunner>, Arc<Shared>)>,
}

impl CardCore {
    /// Takes `core`, which is none of `hosts`, theirs; without any the last one is. To be called before the caller keeps to that:
    /// a thread has no core that its parent has not.
    pub(super) fn take(core: usize, hosts: &[usize]) -> Result<Self, BenchError> {
        let offered = lcore::offered();
        let last = offered.last().filter(|_| hosts.is_empty());
        if hosts.iter().chain(last).any(|&taken| taken == core) {
            let why = format!("core {core} is the hosts': name another one of {offered:?} to -l");
            return Err(BenchError::CannotRun(why));
        }
        let (jobs, received) = channel();
        let (said, heard) = channel();
        thread::Builder::new()
            .name("cards".to_owned())
            .spawn(move || {
                let pinned = lcore::pin(core);
                let is_pinned = pinned.is_ok();
                if said.send(pinned).is_ok() && is_pinned {
                    serve(&received);
                }
            })
            .map_err(|e| BenchError::CannotRun(e.to_string()))?;
        match heard.recv() {
            Ok(Ok(())) => Ok(Self { jobs }),
            Ok(Err(why)) => Err(BenchError::CannotRun(why.to_string())),
            Err(gone) => Err(BenchError::Failed(gone.to_string())),
        }
    }

    /// Polls the cards of a pair of hosts until what this returns is dropped.
    pub(super) fn poll(&self, runners: Vec<CardRunner>) -> Result<Polled, BenchError> {
        let shared = Arc::new(Shared::default());
        let job = (runners, Arc::clone(&shared));
        self.jobs.send(job).map_err(|e| BenchError::Failed(e.to_string()))?;
        Ok(Polled { shared })
    }
}

/// Cards that another thread polls.
#[derive(Debug)]
pub(super) struct Polled {
    shared: Arc<Shared>,
}

impl Polled {
    /// Their hosts' time is now this.
    pub(super) fn advance(&self, now: Nanos) {
        self.shared.now.store(now.0, Ordering::Release);
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
    }
}

fn serve(jobs: &Receiver<(Vec<CardRunner>, Arc<Shared>)>) {
    while let Ok((mut runners, shared)) = jobs.recv() {
        let (mut last, mut still) = (0, 0);
        while !shared.is_over.load(Ordering::Acquire) {
            let now = shared.now.load(Ordering::Acquire);
            still = if now == last { still + 1 } else { 0 };
            last = now;
            if still > PATIENCE {
                thread::sleep(REST);
            }
            runners.iter_mut().for_each(|runner| runner.poll(Nanos(now)));
        }
    }
}
