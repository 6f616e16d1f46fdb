//! `mafo drill`: one failure after the other, the connections busy throughout.

mod control;
mod options;
mod report;
mod run;

pub use options::{DrillOptions, Kind};

use std::process::ExitCode;

use crate::rig::RigError;

/// Runs the drills. Exit code 0: every drill went well and every limit was kept. 1: something did not,
/// and what; or it was ended by Ctrl-C. 2: it could not run.
#[must_use]
pub fn main(options: &DrillOptions) -> ExitCode {
    match run::run(options) {
        Ok(report) => {
            if options.rig.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.text());
            }
            if report.verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(RigError::CannotRun(why)) => {
            eprintln!("mafo drill: {why}");
            ExitCode::from(2)
        }
        Err(RigError::Failed(why)) => {
            eprintln!("mafo drill: {why}");
            ExitCode::FAILURE
        }
        // Before anything was open.
        Err(RigError::Stopped) => ExitCode::FAILURE,
    }
}
