//! `mafo bench failover`: what a failover costs, with a peer that costs little: mafo's own host path.
//!
//! ```text
//!   host with a bond ── adapter A ──┐
//!                    └─ adapter B ──┴── switch ── host path
//! ```
//!
//! Cable after cable is cut; connections go from adapter to adapter, some with a request outstanding, the others idle.
//! All of it runs on one thread.

mod net;
mod options;
mod report;
mod run;

pub use options::FailoverOptions;

use super::BenchError;
use report::Report;

/// Measures.
pub(super) fn run(options: &FailoverOptions) -> Result<Report, BenchError> {
    super::contest::take_a_core(None)?;
    run::run(options)
}
