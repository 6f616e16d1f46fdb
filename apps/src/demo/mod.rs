//! `mafo demo`: live connections, a failure, and what became of them.

mod options;
mod run;

pub use options::{DemoOptions, Direction};

use std::process::ExitCode;

use crate::rig::RigError;

/// Runs the demo. Exit code 0: everything survived. 1: something did not, and what. 2: it could not run.
#[must_use]
pub fn main(options: &DemoOptions) -> ExitCode {
    match run::run(options) {
        Ok(verdict) => {
            if options.rig.json {
                println!("{}", verdict.json(&[]));
            } else {
                println!("{}{}{}", verdict.timeline(), verdict.figures(), verdict.judgement());
            }
            if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(RigError::CannotRun(why)) => {
            eprintln!("mafo demo: {why}");
            ExitCode::from(2)
        }
        Err(RigError::Failed(why)) => {
            eprintln!("mafo demo: {why}");
            ExitCode::FAILURE
        }
        // The demo leaves signals to do what they do.
        Err(RigError::Stopped) => ExitCode::FAILURE,
    }
}
