//! `cargo bench`: both works of `mafo bench` on both paths, beside smoltcp, one JSON object each.
//!
//! `cargo bench -- --seconds 20` and the like: what is behind the dashes goes to each of the four.

use std::process::ExitCode;

use clap::Parser;
use mafo_apps::bench::{self, Bench};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    bench: Bench,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says so when it wants figures; a test of all targets is content if this builds.
    let Some(rest) = arguments.strip_suffix(&["--bench".to_owned()]) else {
        return ExitCode::SUCCESS;
    };
    for (work, path) in [("rpc", "offload"), ("rpc", "host"), ("bulk", "offload"), ("bulk", "host")]
    {
        let fixed = ["stacks", work, "--path", path, "--vs", "smoltcp", "--json"];
        let line = fixed.into_iter().chain(rest.iter().map(String::as_str));
        let code = bench::main(&Line::parse_from(line).bench);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}
