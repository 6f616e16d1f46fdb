//! The poll-mode driver.

pub mod eal;

mod eth_port;

pub use eth_port::EthPort;
