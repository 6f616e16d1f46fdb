//! What the demo and the drill share: two hosts and the cables between them, traffic on them, something
//! that breaks, and what became of it all.

mod adapters;
mod capture;
mod cost;
mod ebb;
mod fault;
mod idle;
mod lcore;
mod options;
mod page;
mod run;
mod samples;
mod sniff;
#[cfg(debug_assertions)]
mod spoil;
mod stop;
mod swallowed;
mod timeline;
mod trunk;
mod verdict;
mod world;

pub use adapters::{Adapters, Card, Member};
pub use fault::Fault;
pub use idle::Idle;
#[cfg(debug_assertions)]
pub use options::Break;
pub use options::{PeerKind, Protect, RigOptions};

pub(crate) use adapters::parse as parse_adapters;
pub(crate) use fault::Injected;
pub(crate) use options::parse_time;
pub(crate) use page::{Contents, Page};
pub(crate) use run::{RigError, Run, say};
pub(crate) use sniff::{Fins, Seen, Sniffer};
pub(crate) use verdict::{Verdict, fine_micros_json, micros_json, quantiles};
