//! The poll-mode driver.

pub mod eal;
