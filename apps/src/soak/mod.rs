//! `mafo soak`: seeds of the simulation, as many as one wants.

mod options;
mod report;

pub use options::SoakOptions;

use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[cfg(debug_assertions)]
use mafo::Defect;
use mafo_sim::Plan;
use mafo_sim::soak::{Course, News, Soak, Tally};

use crate::sys::{self, Epoll, Ready};
use report::Report;

/// Time between two lines of progress: many on a terminal, where each takes the place of the one before.
const PROGRESS: [Duration; 2] = [Duration::from_secs(10), Duration::from_millis(250)];

/// Runs the seeds. Exit code 0: none violated a rule. 1: some did. 2: it could not run.
#[must_use]
pub fn main(options: &SoakOptions) -> ExitCode {
    // Before there are threads, which inherit what is blocked.
    let mut interrupts = match Interrupts::new() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            eprintln!("mafo soak: signals cannot be waited for: {error}");
            return ExitCode::from(2);
        }
    };
    quiet_panics();
    let soak = Soak {
        draw: draw(options),
        first_seed: options.first_seed,
        seeds: options.seeds,
        jobs: usize::from(options.jobs()),
    };
    let mut progress = Progress::new(soak.seeds);
    let tally = soak.run(|news| {
        match news {
            News::Failed(failure) => progress.failed(&failure.to_string()),
            News::Progress(tally) => progress.tell(tally),
        }
        if interrupts.any() { Course::End } else { Course::On }
    });
    progress.clear();
    if tally.seeds < soak.seeds {
        eprintln!("ended after {} of {} seeds", tally.seeds, soak.seeds);
    }
    let report = Report::new(options.first_seed, &tally);
    let text = if options.json { format!("{}\n", report.json()) } else { report.text() };
    if let Err(error) = io::stdout().write_all(text.as_bytes()) {
        eprintln!("mafo soak: {error}");
        return ExitCode::from(2);
    }
    if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(debug_assertions)]
fn draw(options: &SoakOptions) -> fn(u64) -> Plan {
    let broken = |seed| Plan { defect: Some(Defect::NoFence), ..Plan::draw(seed) };
    match options.r#break {
        Some(options::Break::Fence) => broken,
        None => Plan::draw,
    }
}

#[cfg(not(debug_assertions))]
fn draw(_: &SoakOptions) -> fn(u64) -> Plan {
    Plan::draw
}

/// A seed that panics is told of as any other that fails, not by a backtrace amid the progress.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Whether the user wants an end.
struct Interrupts {
    epoll: Epoll,
    _signals: OwnedFd,
    ready: Vec<Ready>,
}

impl Interrupts {
    fn new() -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let signals = sys::termination()?;
        epoll.add(&signals, 0, libc::EPOLLIN as u32)?;
        Ok(Self { epoll, _signals: signals, ready: Vec::new() })
    }

    fn any(&mut self) -> bool {
        let looked = self.epoll.wait(1, Some(Duration::ZERO), &mut self.ready);
        looked.is_ok() && !self.ready.is_empty()
    }
}

/// What is on standard error while it runs.
struct Progress {
    seeds: u64,
    start: Instant,
    next: Instant,
    on_terminal: bool,
}

impl Progress {
    fn new(seeds: u64) -> Self {
        let now = Instant::now();
        Self { seeds, start: now, next: now, on_terminal: io::stderr().is_terminal() }
    }

    fn tell(&mut self, tally: &Tally) {
        let now = Instant::now();
        if now < self.next || tally.seeds == 0 {
            return;
        }
        self.next = now + PROGRESS[usize::from(self.on_terminal)];
        let seconds = (now - self.start).as_secs_f64();
        let line = format!(
            "{} of {} seeds, {} violations, {:.0} seeds/s",
            tally.seeds,
            self.seeds,
            tally.violations,
            tally.seeds as f64 / seconds.max(0.001)
        );
        if self.on_terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    fn failed(&self, failure: &str) {
        self.clear();
        eprintln!("{failure}\n");
    }

    fn clear(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
