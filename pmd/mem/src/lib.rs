//! What the data path of driver, software ASIC, TCP engine and wires shares: time, frames, rings,
//! checksums, counters. Nothing here knows hardware or protocols above Ethernet.

#![expect(
    unsafe_code,
    reason = "slots of rings shared by two threads, vector units found at run time"
)]

pub mod checksum;
mod counters;
pub mod frame;
pub mod time;

pub use frame::{Frame, FrameBurst, Full};
pub use time::Nanos;
