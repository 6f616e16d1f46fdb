//! Tests that need something of the system: one line a case, `ok`, `skipped: REASON` or `FAILED`.
//!
//! With `MAFO_REQUIRE=all` a case that would be skipped fails. An argument that is no option selects
//! the cases whose names contain it; `--list` names them all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How a case ends that has not panicked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was checked.
    Done,
    /// The system does not have what it takes.
    Skipped(String),
}

/// A name and what to run.
pub(crate) type Case = (&'static str, fn() -> Outcome);

/// Runs the cases that the arguments select.
pub(crate) fn run<N, C>(cases: impl IntoIterator<Item = (N, C)>) -> ExitCode
where
    N: AsRef<str>,
    C: Fn() -> Outcome,
{
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let lists = std::env::args().any(|argument| argument == "--list");
    let required = std::env::var("MAFO_REQUIRE").is_ok_and(|value| value == "all");
    let mut failed = 0;
    for (name, case) in cases {
        let name = name.as_ref();
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        if lists {
            println!("{name}: test");
            continue;
        }
        match catch_unwind(AssertUnwindSafe(&case)) {
            Ok(Outcome::Done) => println!("{name}: ok"),
            Ok(Outcome::Skipped(reason)) if !required => println!("{name}: skipped: {reason}"),
            Ok(Outcome::Skipped(reason)) => {
                failed += 1;
                println!("{name}: FAILED (would be skipped: {reason})");
            }
            // What it panicked with is on standard error.
            Err(_) => {
                failed += 1;
                println!("{name}: FAILED");
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
