//! `mafo`: the program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mafo_apps::bench::{self, Bench};
use mafo_apps::demo::{self, DemoOptions};
use mafo_apps::drill::{self, DrillOptions};
use mafo_apps::echo::{self, EchoOptions};
use mafo_apps::soak::{self, SoakOptions};

/// TCP offload whose live connections survive a port or an adapter.
#[derive(Parser)]
#[command(name = "mafo", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Live connections with a peer, the cut of a cable, and what became of them
    Demo(DemoOptions),
    /// Failure after failure of connections that are busy throughout, and how long each took
    Drill(DrillOptions),
    /// Exchanges or bytes per second of a core, beside smoltcp if asked for; what failovers cost
    Bench(Bench),
    Echo(EchoOptions),
    Soak(SoakOptions),
}

fn main() -> ExitCode {
    // Does not return in the process that plays the Linux peer.
    mafo_apps::peer::run_if_asked();
    match Arguments::parse().command {
        Command::Demo(options) => demo::main(&options),
        Command::Drill(options) => drill::main(&options),
        Command::Bench(bench) => bench::main(&bench),
        Command::Echo(options) => echo::main(&options),
        Command::Soak(options) => soak::main(&options),
    }
}
