//! `mafo`: the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Does not return in the process that plays the Linux peer.
    mafo_apps::peer::run_if_asked();
    eprintln!("mafo: no subcommand given");
    ExitCode::from(2)
}
