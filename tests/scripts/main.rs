//! The engine's packet scripts through the whole product: sockets, and below them the engine over a cable, or
//! driver and software adapter.

mod bench;
mod far;
mod world;

use bench::SocketBench;
use mafo::PathChoice;

/// Sockets whose TCP runs in the stack.
mod host {
    use super::*;

    mafo_tcp::script_tests!(SocketBench { path: PathChoice::Host });
}

/// Sockets whose TCP runs in a software adapter.
mod offload {
    use super::*;

    mafo_tcp::script_tests!(SocketBench { path: PathChoice::Offload });
}
