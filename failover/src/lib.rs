//! Live connections move between ports and adapters.
#![forbid(unsafe_code)]

mod ask;
mod bond;
mod by_socket;
mod checks;
mod config;
mod death;
mod entry;
mod filters;
mod handover;
mod links;
mod mac;
mod moves;
mod notify;
mod options;
mod owner;
mod proof;
mod refuge;
mod replay;
mod report;
pub mod snoop;
pub mod stage;
mod sweep;
mod tunnel;
pub mod upload;

pub use bond::{Bond, BondCounters, BondEvent, LinkId, NoSwitch};
pub use checks::{BadBond, BondWarning};
pub use config::{ArpValidate, BondConfig, FailOverMac, Mode, PrimaryReselect, XmitHashPolicy};
pub use options::{BadOption, BondOptions, NoLink};
pub use report::{Distribution, Report};
pub use stage::Stage;
