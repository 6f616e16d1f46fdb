//! The command line.

use clap::{Parser, Subcommand};

use crate::bench::Bench;
use crate::config::ConfigOptions;
use crate::demo::DemoOptions;
use crate::drill::DrillOptions;
use crate::echo::EchoOptions;
use crate::soak::SoakOptions;

/// TCP offload whose live connections survive a port or an adapter.
#[derive(Parser, Debug)]
#[command(name = "mafo", version, about)]
pub struct Arguments {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What is to be done.
#[derive(Subcommand, Debug)]
#[expect(missing_docs, reason = "what is said here hides what the options of a command say of it")]
pub enum Command {
    /// Live connections with a peer, the cut of a cable, and what became of them
    Demo(DemoOptions),
    /// Failure after failure of connections that are busy throughout, and how long each took
    Drill(DrillOptions),
    /// Exchanges or bytes per second of a core, beside smoltcp if asked for; what failovers cost
    Bench(Bench),
    Echo(EchoOptions),
    Config(ConfigOptions),
    Soak(SoakOptions),
}
