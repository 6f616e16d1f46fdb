//! The poll-mode driver.

pub mod eal;
mod eth_port;
pub mod sge;

pub use eth_port::EthPort;

#[cfg(test)]
mod tests;
