//! What the driver needs of the machine it runs on: memory that a card can reach, a core of its own,
//! a clock, randomness. The only `unsafe` of the driver is here.
#![expect(unsafe_code, reason = "memory shared with a device is behind raw pointers")]

pub mod clock;
pub mod dma;
pub mod hugepage;
pub mod lcore;
pub mod random;
