//! What the programs of mafo share.

pub mod stream;
