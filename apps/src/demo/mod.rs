//! `mafo demo`: live connections, a failure, and what became of them.

mod options;
mod report;
mod run;
mod sniff;
mod world;

pub use options::{DemoOptions, Direction, Fault, PeerKind};

use std::process::ExitCode;

/// Runs the demo. Exit code 0: everything survived. 1: something did not, and what. 2: it could not run.
#[must_use]
pub fn main(options: &DemoOptions) -> ExitCode {
    match run::run(options) {
        Ok(report) => {
            if options.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.text());
            }
            if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(run::DemoError::CannotRun(why)) => {
            eprintln!("mafo demo: {why}");
            ExitCode::from(2)
        }
        Err(run::DemoError::Failed(why)) => {
            eprintln!("mafo demo: {why}");
            ExitCode::FAILURE
        }
    }
}
