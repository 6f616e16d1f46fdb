//! What a program tells of itself while it runs, to whoever asks: by a UNIX socket in the manner of DPDK's telemetry, which
//! `dpdk-telemetry.py -f mafo` speaks to ([`Socket`]), and as Prometheus' text over HTTP ([`Metrics`]).
//!
//! ```text
//!            ┌◄── an empty buffer, and what is wanted ───┐
//!  lcore ── Publisher                                 Collector ── Source ──► threads of Socket and Metrics
//!            └─── the same buffer, filled ─────────────►┘
//! ```
//!
//! An lcore shares a word and places for two buffers with the threads that answer, without a lock. Nobody asks: a turn costs
//! it a look at the word. It fills a buffer when it is asked, in as many turns as it likes, and never waits and never
//! allocates: buffers are made, and made words of, by the threads that answer.
#![forbid(unsafe_code)]

mod http;
mod json;
mod metrics;
mod place;
mod service;
mod slot;
mod snapshot;
mod socket;

pub use http::Metrics;
pub use json::Json;
pub use metrics::{Kind, Metric, text};
pub use place::{Place, directory};
pub use slot::{Collector, Publisher, Scope};
pub use snapshot::{Content, Port, Section, Snapshot};
pub use socket::{OUTPUT_MAX, Socket};

use std::sync::{Arc, Mutex};

/// Where those that answer get what they tell.
pub trait Source: Send {
    /// What there is to tell now, or so much of it.
    fn snapshot(&mut self, scope: Scope) -> Snapshot;
}

/// A source that several services share. Its lock is no lcore's.
pub type SharedSource = Arc<Mutex<dyn Source>>;
