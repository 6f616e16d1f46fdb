//! What the programs of mafo share.

pub mod demo;
pub mod peer;
pub mod smoltcp_peer;
pub mod stream;
