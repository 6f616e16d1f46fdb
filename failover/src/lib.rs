//! Live connections move between ports and adapters.
#![forbid(unsafe_code)]

mod ask;
mod bond;
mod config;
mod death;
mod entry;
mod filters;
mod handover;
mod links;
mod notify;
mod owner;
mod refuge;
mod replay;
mod report;
pub mod snoop;
pub mod stage;
mod tunnel;
pub mod upload;

pub use bond::{Bond, BondCounters, BondEvent, LinkId, NoSwitch};
pub use config::{ArpValidate, BadBond, BondConfig, PrimaryReselect};
pub use report::{Distribution, Report};
pub use stage::Stage;
