//! One stack on the host path, and what a wire may bring to it.

mod icmp;
#[expect(dead_code, reason = "x")]
mod rig;
