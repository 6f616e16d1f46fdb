//! What the tests of several modules share.

pub(crate) mod bar;
pub(crate) mod firmware;
pub(crate) mod ingress;
pub(crate) mod queue;

use std::sync::Arc;

use crate::eal::dma::{Arena, Domain};

/// An arena of `len` bytes, mapped.
pub(crate) fn mapped(len: usize) -> (Arc<Arena>, Arc<Domain>) {
    let arena = Arena::ordinary(len).expect("memory");
    let domain = Domain::new(1);
    domain.map(&arena);
    (arena, domain)
}
