//! What a program tells of itself while it runs, to whoever asks: by a UNIX socket in the manner of DPDK's telemetry, which
//! `dpdk-telemetry.py -f mafo` speaks to ([`Socket`]), and as Prometheus' text over HTTP ([`Metrics`]).
//!
//! ```text
//!  lcore ── Publisher ──► one Snapshot ──► Collector ──► threads of Socket and Metrics
//!              ▲  when it is wanted            │
//!              └───────── asks ────────────────┘
//! ```
//!
//! An lcore shares a flag and a place for one snapshot with the threads that answer, without a lock. Nobody asks: a poll costs
//! it a look at the flag. It makes a snapshot when it is asked, and never waits.
#![forbid(unsafe_code)]

mod json;
mod metrics;
mod slot;
mod snapshot;
mod socket;

pub use json::Json;
pub use metrics::{Metrics, text};
pub use slot::{Collector, Publisher};
pub use snapshot::{Content, Port, Section, Snapshot};
pub use socket::{OUTPUT_MAX, Socket, directory};
