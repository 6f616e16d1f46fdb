//! What the programs of mafo share.
