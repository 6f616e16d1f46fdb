//! What the programs of mafo share.

pub mod peer;
pub mod stream;
