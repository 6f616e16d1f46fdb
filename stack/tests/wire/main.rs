//! One stack on the host path, and what a wire may bring to it.

mod addresses;
mod ecn;
mod icmp;
mod listen;
mod options;
mod rig;
mod timeouts;
