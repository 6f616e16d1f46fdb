//! What the data path of driver, software ASIC, TCP engine and wires shares: time, frames, rings,
//! checksums, counters. Nothing here knows hardware or protocols above Ethernet.

pub mod checksum;
mod counters;
pub mod frame;
mod hash;
mod loom_or_std;
mod meter;
mod pairs;
mod prefetch;
pub mod queue;
pub mod ring;
pub mod rss;
pub mod time;
mod wheel;

pub use frame::{Frame, FrameBurst, Full};
pub use hash::{KeyedHash, KeyedHasher};
pub use meter::Meter;
pub use pairs::Pairs;
pub use prefetch::prefetch;
pub use queue::{FramePool, FrameQueue, QueueCounters};
pub use time::Nanos;
pub use wheel::Wheel;
