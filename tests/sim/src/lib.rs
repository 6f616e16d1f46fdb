//! Live connections under faults, from a seed.
//!
//! [`Plan::draw`] decides what happens in a seed, [`run`] lets it happen between two hosts under a
//! virtual clock, [`check`] judges every frame and [`Coverage`] counts what faults hit; [`soak`] runs many.
#![forbid(unsafe_code)]

mod app;
pub mod check;
pub mod coverage;
pub mod draw;
mod header;
pub mod plan;
pub mod run;
mod secret;
pub mod soak;
mod story;
mod stray;
pub mod stream;
mod wire;
mod world;

pub use check::{Rule, Violation, Wrapped};
pub use coverage::Coverage;
pub use plan::Plan;
pub use run::{Failure, Outcome, run};
