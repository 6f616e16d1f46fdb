//! Live connections move between ports and adapters.
#![forbid(unsafe_code)]

mod ask;
mod backlog;
mod bond;
mod by_socket;
mod checks;
mod config;
mod death;
mod decide;
mod detour;
mod doubt;
mod entry;
mod filters;
mod handover;
mod left;
mod links;
mod mac;
mod modes;
mod moves;
mod notify;
mod options;
mod owner;
mod plain;
mod proof;
mod question;
mod refuge;
mod remnant;
mod replay;
mod report;
mod single;
pub mod snoop;
pub mod stage;
mod sweep;
mod tunnel;
mod turn;
pub mod upload;

pub use bond::{Bond, BondCounters, BondEvent, LinkId, NoSwitch};
pub use checks::{BadBond, BondWarning};
pub use config::{ArpValidate, BondConfig, FailOverMac, Mode, PrimaryReselect, XmitHashPolicy};
pub use decide::Decision;
pub use handover::Goal;
pub use options::{BadOption, BondOptions, NoLink};
pub use report::{Distribution, Report};
pub use single::NoMove;
pub use stage::Stage;
