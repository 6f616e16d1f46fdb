//! Memory that a card can reach: arenas, the buffers in them, and the software IOMMU that decides
//! which adapter reaches which.

mod arena;
mod domain;
mod fences;
mod free_list;

pub use arena::{Arena, ArenaFull, DmaBuf, DmaHold};
pub use domain::{DeviceView, Domain, WINDOWS_MAX};

pub use super::hugepage::{NoMemory, Pages};
