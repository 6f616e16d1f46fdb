//! What `mafo drill` can be asked for.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::rig::{Fault, RigOptions, parse_time};
use mafo::Handover;

/// The same failure again and again, there and back, on connections that are busy throughout.
#[derive(Args, Clone, Debug)]
pub struct DrillOptions {
    /// What happens each time
    #[arg(long, value_enum, default_value_t = Fault::Link)]
    pub fault: Fault,
    /// How many times
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Pause between a failure that is healed and the next
    #[arg(long, default_value = "20ms", value_parser = parse_time)]
    pub interval: Duration,
    /// How connections move to another adapter
    #[arg(long, value_enum, default_value_t = Kind::Auto)]
    pub handover: Kind,
    /// Fail if more than 1 % of the stalls are longer than this
    #[arg(long, value_name = "T", value_parser = parse_time)]
    pub max_stall_p99: Option<Duration>,
    /// Fail if more than 1 % of the tunnels take longer than this to come up
    #[arg(long, value_name = "T", value_parser = parse_time)]
    pub max_tunnel_p99: Option<Duration>,
    /// Fail if there are more resets than this; without it there may be none
    #[arg(long, value_name = "N")]
    pub max_resets: Option<u64>,
    /// Hosts, cables, reports
    #[command(flatten)]
    pub rig: RigOptions,
}

/// How connections move to another adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Drained, and instantly where the peer does not acknowledge what is under way
    Auto,
    /// When the peer has acknowledged all that is under way
    Drained,
    /// At once: what is under way is given to the new adapter again
    Instant,
}

impl From<Kind> for Handover {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Auto => Self::Auto,
            Kind::Drained => Self::Drained,
            Kind::Instant => Self::Instant,
        }
    }
}
