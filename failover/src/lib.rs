//! Live connections move between ports and adapters.
#![forbid(unsafe_code)]

mod ask;
mod bond;
mod death;
mod entry;
mod handover;
mod owner;
mod refuge;
mod report;
pub mod snoop;
mod tunnel;
pub mod upload;

pub use bond::{Bond, BondConfig, BondCounters, BondEvent, LinkId, NoSwitch};
pub use handover::Stage;
pub use report::{Distribution, Report};
