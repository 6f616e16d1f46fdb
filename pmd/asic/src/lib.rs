//! The software T5: everything that the driver finds on the other side of BAR and DMA.
#![forbid(unsafe_code)]
#![expect(dead_code, reason = "firmware and receive path stand on these parts and come next")]

mod asic;
pub mod bar;
pub mod clock;
pub mod config;
pub mod delay;
pub mod dma;
pub mod frame_queue;
pub mod hw;
pub mod l2t;
pub mod le;
pub mod mac;
pub mod mps;
pub mod rss;
pub mod settings;
pub mod sge;
pub mod smt;
pub mod tp;

pub use asic::Asic;
pub use config::AsicConfig;
pub use hw::Hw;
