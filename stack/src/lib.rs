//! Sockets of one lcore, over offloaded connections and over the host path.
#![forbid(unsafe_code)]

pub mod neigh;
pub mod packet;
pub mod tom;
