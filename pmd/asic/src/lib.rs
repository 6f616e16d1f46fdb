//! The software T5: everything that the driver finds on the other side of BAR and DMA.
#![forbid(unsafe_code)]

pub mod le;
