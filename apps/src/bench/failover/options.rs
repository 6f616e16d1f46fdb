//! What `mafo bench failover` is told.

use clap::Args;

use crate::drill::Kind;

/// Options of `mafo bench failover`.
#[derive(Args, Clone, Debug)]
pub struct FailoverOptions {
    /// Connections, all opened by the host that has the bond
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=131_072))]
    pub connections: u32,
    /// How often the cable of the active adapter is cut
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Connections with a request outstanding all the time; the others are idle [default: 64, or all if that is less]
    #[arg(long, value_name = "N")]
    pub busy: Option<u32>,
    /// How connections move to another adapter
    #[arg(long, value_enum, default_value_t = Kind::Drained)]
    pub handover: Kind,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
}

/// Busy connections, unless another number is asked for.
const BUSY: u32 = 64;

impl FailoverOptions {
    /// Connections with a request outstanding.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.busy.unwrap_or(BUSY).min(self.connections) as usize
    }
}
