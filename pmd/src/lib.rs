//! The poll-mode driver of T4/T5 adapters.
//!
//! ```text
//!  control plane                          one lcore
//!  Adapter ──── mailbox (crossbeam) ────► Lcore { ingress, ctrl, eth[port], ofld[port], l2t, filters }
//!    │ fw: commands, one at a time          │ sge: rings        ofld: work requests of connections
//!    ▼                                      ▼
//!  BAR0 registers                         BAR2 doorbells, DMA memory (eal::dma)
//! ```
//!
//! An [`Adapter`] is brought up by polling it; then each polling core takes its [`Lcore`] and shares
//! nothing with the others. Nothing here waits, spawns or reads a clock but [`eal`]; time comes as `now`.
//! What a card writes is never trusted: it is counted and dropped when it makes no sense.

pub mod adapter;
pub mod eal;
pub mod eth;
mod eth_port;
pub mod filter;
pub mod fw;
pub mod l2t;
mod lcore;
pub mod ofld;
mod ports;
pub mod question;
pub mod sge;
pub mod smt;
pub mod stats;
pub mod tid;

pub use adapter::{Adapter, AdapterConfig, AdapterError, Congestion, TcpSettings};
pub use eth_port::{EthPort, TxState};
pub use lcore::{Lcore, ToLcore};
pub use ports::{EthPorts, PortsCounters, T5Port};
pub use sge::{Eq, Ingress};

#[cfg(test)]
mod tests;
