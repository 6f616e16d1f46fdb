//! The control plane alone: against an exact script, against a firmware of the test's own, against lies.

mod closing;
mod fake;
mod hostile;
mod lcores;
mod running;
mod script;
mod starting;

use super::*;
use crate::eal::dma::{Arena, Domain};

/// An adapter behind `bar` with memory of its own.
fn adapter(bar: SharedBar, config: AdapterConfig) -> Adapter {
    let arena = Arena::ordinary(8 << 20).expect("memory");
    Adapter::new(bar, Domain::new(1), arena, config)
}

/// A command as 32-bit words.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
