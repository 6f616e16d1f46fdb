//! What the programs of mafo share.

pub mod bench;
pub mod cli;
pub mod config;
pub mod demo;
pub mod drill;
pub mod echo;
mod html;
pub mod netlink;
mod other;
mod ours;
pub mod peer;
mod plot;
pub mod rig;
pub mod smoltcp_peer;
pub mod soak;
pub mod stream;
mod sys;
pub mod tell;
pub mod throughput;
pub mod trace;
pub mod trial;
