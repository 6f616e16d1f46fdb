//! The engine's packet scripts through the whole product: sockets, and below them the engine over a cable, or
//! driver and software adapter.

mod bench;
mod far;
mod world;

use bench::{EXCUSES, SocketBench};
use mafo::PathChoice;
use mafo_tcp::script::LISTED;

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

/// An excuse that is no longer needed would hide a script, and one of no script says nothing.
#[test]
fn every_excuse_is_needed() {
    for (name, _) in EXCUSES {
        let script = LISTED.iter().find(|script| script.name == name);
        let play = script.unwrap_or_else(|| panic!("{name} is no script")).play;
        let run = || play(&mut SocketBench { path: PathChoice::Offload });
        assert!(std::panic::catch_unwind(run).is_err(), "{name} needs no excuse");
    }
}
