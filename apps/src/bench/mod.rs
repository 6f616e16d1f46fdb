//! `mafo bench`: what a core-second brings, alone or in turns with another stack.
//!
//! ```text
//!   application ── Endpoint ──┐                     ┌── Endpoint ── application
//!   (asks, sends)      host   ├──── memory link ────┤   host        (answers, receives)
//!                             └── copies each frame ┘
//! ```
//!
//! Both hosts, their applications and the link run on one thread, so that its processor time is what
//! the work costs; with several lcores ([`lcores`]) on a thread each. [`app`] is the application, the same for every stack behind the trait
//! [`app::Endpoint`]; [`contest`] gives each stack its turns.

mod app;
mod cards;
mod conns;
mod contest;
mod failover;
mod figures;
mod fwd;
mod instructions;
mod kernel;
mod lcores;
mod lending;
mod options;
mod ours;
mod page;
mod pattern;
mod reference;
mod report;
mod rings;
mod tally;
mod turns;
mod wake;

pub use conns::ConnsOptions;
pub use failover::FailoverOptions;
pub use fwd::FwdOptions;
pub use instructions::InstructionsOptions;
pub use options::{Bench, BenchOptions, Direction, Other, Path, Reference, Work};
pub use rings::RingsOptions;
pub use turns::Hooks;

use std::process::ExitCode;

use app::Role;
use mafo::wire::impair::{NotAProbability, Probability};
use mafo::{HostError, capacity_for_mtu};
use thiserror::Error;

/// Why a bench has no figures.
#[derive(Debug, Error)]
enum BenchError {
    /// It could not begin.
    #[error("{0}")]
    CannotRun(String),
    /// It went wrong on its way.
    #[error("{0}")]
    Failed(String),
}

impl From<HostError> for BenchError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Memory { .. } => Self::CannotRun(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// What is the same for all stacks of a run.
#[derive(Clone, Copy, Debug)]
struct Shape {
    work: Work,
    connections: usize,
    /// Bytes of a message or of a send.
    size: usize,
    /// Largest IP packet.
    mtu: u16,
    /// Whether the connections are there to be held, each with as little as it can do with.
    held: bool,
    /// Which way a stream goes.
    direction: Direction,
    /// Of frames, either way.
    loss: Probability,
}

impl Shape {
    fn of(options: &BenchOptions) -> Result<Self, BenchError> {
        let nothing =
            "what is to be measured: rpc, bulk, cps, conns, fwd, rings, failover or instructions?";
        let work = options.work.ok_or_else(|| BenchError::CannotRun(nothing.to_owned()))?;
        if options.direction.is_some() && work != Work::Bulk {
            let why = format!("--direction is of bulk: {} goes both ways", work.name());
            return Err(BenchError::CannotRun(why));
        }
        let cannot = |why: NotAProbability| BenchError::CannotRun(why.to_string());
        Ok(Self {
            work,
            connections: options.connections(work),
            size: options.size(work),
            mtu: options.mtu,
            held: false,
            direction: options.direction.unwrap_or(Direction::ToServer),
            loss: Probability::new(options.loss).map_err(cannot)?,
        })
    }

    /// Whether `role` sends streams.
    fn streams_from(&self, role: Role) -> bool {
        self.work == Work::Bulk
            && match self.direction {
                Direction::ToServer => role == Role::Client,
                Direction::ToClient => role == Role::Server,
                Direction::Both => true,
            }
    }

    /// Bytes of buffers for frames: like the link's, so that a receiver exchanges buffers with it.
    fn frame_len(&self) -> usize {
        capacity_for_mtu(self.mtu.into())
    }

    /// Bytes of a socket's buffer, each way: `least` if that holds two messages.
    fn buffer(&self, least: usize) -> usize {
        least.max(2 * self.size.next_power_of_two())
    }
}

/// Runs the bench. Exit code 0: there are figures. 1: bytes went wrong, or a stack failed. 2: it could
/// not run.
#[must_use]
pub fn main(bench: &Bench) -> ExitCode {
    let result = match bench {
        Bench { other: Some(Other::Failover(options)), contest: _ } => {
            failover::run(options).map(|report| {
                (if options.json { report.json() + "\n" } else { report.text() }, report.is_ok())
            })
        }
        Bench { other: Some(Other::Instructions(options)), contest: _ } => {
            instructions::run(options)
        }
        Bench { other: Some(Other::Fwd(options)), contest: _ } => {
            fwd::run(options).map(|text| (text, true))
        }
        Bench { other: Some(Other::Rings(options)), contest: _ } => {
            rings::run(options).map(|text| (text, true))
        }
        Bench { other: Some(Other::Conns(options)), contest: _ } => {
            conns::run(options).map(|text| (text, true))
        }
        Bench { contest: options @ BenchOptions { ops: Some(ops), .. }, other: None }
            if options.lcores.len() < 2 =>
        {
            contest::count(options, *ops).map(|text| (text, true))
        }
        Bench { contest: options, other: None } => {
            let several = options.lcores.len() > 1;
            let report = if several { lcores::run(options) } else { contest::run(options) };
            let text = |report: report::Report| {
                if options.json { report.json() + "\n" } else { report.text() }
            };
            report.map(|report| (text(report), true))
        }
    };
    match result {
        Ok((text, is_ok)) => {
            print!("{text}");
            if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("mafo bench: {error}");
            match error {
                BenchError::CannotRun(_) => ExitCode::from(2),
                BenchError::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_from_one_end_or_from_both() {
        let from = |work, direction| {
            let loss = Probability::NEVER;
            let held = false;
            let shape = Shape { work, connections: 1, size: 1, mtu: 1500, held, direction, loss };
            [Role::Client, Role::Server].map(|role| shape.streams_from(role))
        };
        assert_eq!(from(Work::Bulk, Direction::ToServer), [true, false]);
        assert_eq!(from(Work::Bulk, Direction::ToClient), [false, true]);
        assert_eq!(from(Work::Bulk, Direction::Both), [true, true]);
        assert_eq!(from(Work::Rpc, Direction::ToServer), [false, false]);
    }
}
