//! The software T5: everything that the driver finds on the other side of BAR and DMA.
#![forbid(unsafe_code)]

mod asic;
pub mod bar;
mod charge;
pub mod clock;
pub mod config;
pub mod delay;
pub mod dma;
pub mod fault;
pub mod flow;
pub mod frame_queue;
pub mod fw;
pub mod hw;
pub mod l2t;
pub mod le;
pub mod mac;
mod mishap;
pub mod mps;
pub mod rss;
mod rx;
pub mod settings;
pub mod sge;
pub mod smt;
pub mod tp;
mod tp_card;
pub mod wr;

pub use asic::{Asic, AsicCounters, InUse};
pub use charge::Charge;
pub use config::AsicConfig;
pub use hw::Hw;
pub use mishap::{ControlKind, Mishap, Mishaps};
pub use sge::EqKind;
pub use tp::{CardConnection, Refusals, TpCounters};
pub use wr::Recorded;
