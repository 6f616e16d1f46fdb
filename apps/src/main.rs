//! `mafo`: the program.

use std::process::ExitCode;

use clap::Parser;
use mafo_apps::cli::{Arguments, Command};
use mafo_apps::{bench, config, demo, drill, echo, soak};

fn main() -> ExitCode {
    // Does not return in the process that plays the Linux peer.
    mafo_apps::peer::run_if_asked();
    let line = match config::merge(std::env::args_os().collect()) {
        Ok(line) => line,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(2);
        }
    };
    match Arguments::parse_from(line).command {
        Command::Demo(options) => demo::main(&options),
        Command::Drill(options) => drill::main(&options),
        Command::Bench(bench) => bench::main(&bench),
        Command::Echo(options) => echo::main(&options),
        Command::Config(options) => config::main(&options),
        Command::Soak(options) => soak::main(&options),
    }
}
