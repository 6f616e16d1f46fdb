//! What `mafo bench` can be asked for.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::conns::ConnsOptions;
use super::failover::FailoverOptions;
use super::fwd::FwdOptions;
use super::instructions::InstructionsOptions;
use super::rings::RingsOptions;
use super::turns::Hooks;
use crate::rig::Protect;
use crate::tell::TellOptions;

/// What is measured: the work of stacks, or something else.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    /// Something else
    #[command(subcommand)]
    pub other: Option<Other>,
    /// The work of stacks
    #[command(flatten)]
    pub contest: BenchOptions,
}

/// What is measured besides the work of stacks.
#[derive(Subcommand, Clone, Debug)]
pub enum Other {
    /// What failovers cost, from the cut of a cable to the last connection's arrival on the other adapter
    Failover(FailoverOptions),
    /// What connections cost that are open and idle: memory of each end, and how fast others are beside them
    Conns(ConnsOptions),
    /// Instructions that an operation costs, as valgrind's callgrind counts them
    Instructions(InstructionsOptions),
    /// Frames that a core forwards from one port of a software adapter to the other, through driver and adapter
    Fwd(FwdOptions),
    /// What a ring between lcores costs an element, beside rtrb and crossbeam's ArrayQueue
    Rings(RingsOptions),
}

/// Two complete hosts on one core, joined by a memory link: what a core-second brings.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// Requests and responses, a stream in one direction, or connections that come and go
    // Missed by who knows what else there is.
    #[arg(value_enum)]
    pub work: Option<Work>,
    /// Where TCP runs: in a software adapter at each end, or in the host's own stack
    #[arg(long, value_enum, default_value_t = Path::Offload)]
    pub path: Path,
    /// Connections at a time [default: rpc and cps 64, bulk 1 a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub connections: Option<u32>,
    /// Bytes of a request and of a response; of each send of a stream [default: rpc and cps 64, bulk 65536]
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub size: Option<u32>,
    /// Which way a stream goes [default: to-server]
    #[arg(long, value_enum)]
    pub direction: Option<Direction>,
    /// Probability that a frame is lost, each direction
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_loss)]
    pub loss: f64,
    /// Largest IP packet of the link, in bytes
    #[arg(long, value_name = "M", default_value_t = 1500,
          value_parser = clap::value_parser!(u16).range(576..=9000))]
    pub mtu: u16,
    /// Cores to run on. With several there is a worker on each, which has both hosts' shards of one lcore, and all
    /// connections on the first core alone take turns with them [default: the last core]
    #[arg(short = 'l', long = "lcores", value_name = "CORE", value_delimiter = ',')]
    pub lcores: Vec<usize>,
    /// Poll the software adapters of both hosts, and the link between them, on this core, as cards work for themselves. Rates
    /// are then per second of the hosts' core, that of -l; what the adapters' core does is not counted
    #[arg(long, value_name = "CORE", conflicts_with = "ops")]
    pub asic_core: Option<usize>,
    /// With several cores, give each host one software adapter that all its lcores share, as the queues of a real card, in place
    /// of one for each lcore. The first core polls it beside its own lcore, or that of --asic-core does
    #[arg(long)]
    pub one_card: bool,
    /// How long each stack is measured, in at least five slices of at least half a second
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_seconds)]
    pub seconds: f64,
    /// Instead of slices of time: so many exchanges (rpc), sends (bulk) or connections (cps), in a time that is counted in turns, so that
    /// every run does the same. Of ours, or of the stack that --vs names
    #[arg(long, value_name = "N", conflicts_with = "seconds",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub ops: Option<u64>,
    /// Measure other stacks in turns with ours, by the same application, smoltcp over the same link as well. A list:
    /// smoltcp,kernel. With several lcores each of them does all connections on the first core, and a ratio is what a
    /// core-second of ours brings, the sum through the number of lcores, through what one of theirs does
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STACK")]
    pub vs: Vec<Reference>,
    /// Whether the adapters acknowledge only what their host has been told of; on,off measures both in turns, and what
    /// protection costs [default: on]
    #[arg(long, value_enum, value_name = "on|off|on,off", value_delimiter = ',')]
    pub protect: Vec<Protect>,
    /// Write a page with plots into this file: each slice's rate, and how long operations took
    #[arg(long, value_name = "FILE", conflicts_with = "ops")]
    pub report: Option<PathBuf>,
    /// Take what the command line does not say of loss and protection from a file: its keys are in docs/configuration.md
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whom both hosts tell how they stand, each as an lcore; with one core
    #[command(flatten)]
    pub tell: TellOptions,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// For tests
    #[command(flatten)]
    pub hooks: Hooks,
}

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// A request, a response, the next request: one outstanding a connection
    Rpc,
    /// As many bytes as will go, one way
    Bulk,
    /// Connect, a request, a response, close by the client and then by the server, the next connection. TIME_WAIT is
    /// kept as it is by default: clients take their ports in turn. smoltcp's is cut short at no cost, since it would keep a
    /// socket for ten seconds
    Cps,
}

/// Which way a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// From those who opened the connections to those who accepted them
    ToServer,
    /// From those who accepted them to those who opened them
    ToClient,
    /// Both ways at a time
    Both,
}

impl Direction {
    /// Its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ToServer => "to-server",
            Self::ToClient => "to-client",
            Self::Both => "both",
        }
    }
}

/// Where our TCP runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Path {
    /// Sockets, driver and software adapter
    Offload,
    /// The engine behind the sockets, over an Ethernet port
    Host,
}

/// Another stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reference {
    /// smoltcp, with the settings at which it is fastest
    Smoltcp,
    /// Linux' own: two network namespaces, joined by a pair of veth devices without segmentation offloads. Needs root
    Kernel,
}

impl Reference {
    /// Its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoltcp => "smoltcp",
            Self::Kernel => "kernel",
        }
    }
}

/// Seconds that hold five slices of half a second.
const SECONDS_MIN: f64 = 2.5;
/// More than anybody waits for.
const SECONDS_MAX: f64 = 3600.0;

pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => Err(format!("'{text}' is no number of seconds from {SECONDS_MIN} to {SECONDS_MAX}")),
    }
}

/// Half of all frames lost, and nothing is measured but timers.
const LOSS_MAX: f64 = 0.5;

fn parse_loss(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(loss) if (0.0..=LOSS_MAX).contains(&loss) => Ok(loss),
        _ => Err(format!("'{text}' is no probability from 0 to {LOSS_MAX}")),
    }
}

impl Work {
    /// Its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Bulk => "bulk",
            Self::Cps => "cps",
        }
    }

    /// What its figures count.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Rpc => "exchanges per core-second",
            Self::Bulk => "Gbit per core-second",
            Self::Cps => "connections per core-second",
        }
    }

    /// In that unit, but for the time: what was done, exchanges, bytes or connections.
    #[must_use]
    pub fn amount(self, done: u64) -> f64 {
        match self {
            Self::Rpc | Self::Cps => done as f64,
            Self::Bulk => done as f64 * 8.0 / 1e9,
        }
    }

    /// A rate for a table.
    #[must_use]
    pub fn rate(self, rate: f64) -> String {
        match self {
            Self::Rpc | Self::Cps => format!("{rate:>9.0}"),
            Self::Bulk => format!("{rate:>9.3}"),
        }
    }
}

impl Path {
    /// Its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offload => "offload",
            Self::Host => "host",
        }
    }
}

impl BenchOptions {
    /// Connections at a time.
    #[must_use]
    pub fn connections(&self, work: Work) -> usize {
        let default = match work {
            Work::Rpc | Work::Cps => 64,
            Work::Bulk => self.lcores.len().max(1) as u32,
        };
        self.connections.unwrap_or(default) as usize
    }

    /// Whether ours is protected; and whether it is measured without as well.
    #[must_use]
    pub fn protected(&self) -> (bool, bool) {
        let [on, off] = [Protect::On, Protect::Off].map(|wanted| self.protect.contains(&wanted));
        (on || !off, on && off)
    }

    /// Bytes of a message, or of a send.
    #[must_use]
    pub fn size(&self, work: Work) -> usize {
        let default = match work {
            Work::Rpc | Work::Cps => 64,
            Work::Bulk => 64 << 10,
        };
        self.size.unwrap_or(default) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_their_range() {
        assert_eq!(
            (parse_loss("0"), parse_loss("0.01"), parse_loss("0.5")),
            (Ok(0.0), Ok(0.01), Ok(0.5))
        );
        for wrong in ["", "-0.1", "0.51", "1", "NaN", "1%"] {
            assert!(parse_loss(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_hold_five_slices() {
        assert_eq!(parse_seconds("2.5"), Ok(2.5));
        assert_eq!(parse_seconds("60"), Ok(60.0));
        for wrong in ["", "2.4", "-5", "NaN", "inf", "3601", "5s"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
