//! Stacks on the host path: one, and what a wire may bring to it; and two on one cable.

mod addresses;
mod cable;
mod ecn;
mod header;
mod icmp;
mod listen;
mod local;
mod moves;
mod options;
mod pair;
mod rig;
mod shards;
mod timeouts;
