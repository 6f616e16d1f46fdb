//! What `mafo soak` is told.

use std::num::NonZero;
use std::thread;

use clap::Args;

/// Seeded histories of connections, faults and failovers, each frame of them judged.
///
/// A seed decides everything that happens between a host with two software adapters and its peer under a virtual
/// clock: connections, what applications do, bad cables, failures in any stage of a handover. A seed that violates a
/// rule is printed with the last events and frames, and with the path of a capture of all that the peer saw;
/// `--seeds 1 --first-seed N` runs it again. Ctrl-C ends with what has been done.
#[derive(Args, Clone, Debug)]
pub struct SoakOptions {
    /// How many seeds to run
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The first of them
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub first_seed: u64,
    /// Threads [default: one for each core that this process may use]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// Spoil something, to see that it is noticed
    #[cfg(debug_assertions)]
    #[arg(long, value_enum, hide = true)]
    pub r#break: Option<Break>,
}

/// What can be spoilt.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Break {
    /// The old owner of a connection that moves is heard to its end.
    Fence,
}

impl SoakOptions {
    /// Threads.
    #[must_use]
    pub fn jobs(&self) -> u16 {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get).min(1024) as u16;
        self.jobs.unwrap_or_else(cores)
    }
}
