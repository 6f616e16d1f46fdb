//! The engine's packet scripts through the whole product: sockets, and below them the engine over a cable, or
//! driver and software adapter.

mod bench;
mod far;
mod moved;
mod world;

use bench::{EXCUSES, SocketBench};
use mafo::PathChoice;
use mafo_tcp::script::LISTED;
use world::Failover;

/// Sockets whose TCP runs in the stack.
mod host {
    use super::*;

    mafo_tcp::script_tests!(SocketBench { path: PathChoice::Host, failover: None });
}

/// Sockets whose TCP runs in a software adapter.
mod offload {
    use super::*;

    mafo_tcp::script_tests!(SocketBench { path: PathChoice::Offload, failover: None });
}

/// The same, and before everything that happens to it the connection moves to another adapter, and back.
mod handover {
    use super::*;

    mafo_tcp::script_tests!(SocketBench {
        path: PathChoice::Offload,
        failover: Some(Failover::Handover)
    });
}

/// The same with another port of the adapter.
mod port {
    use super::*;

    mafo_tcp::script_tests!(SocketBench {
        path: PathChoice::Offload,
        failover: Some(Failover::Port)
    });
}

/// An excuse that is no longer needed would hide a script, and one of no script says nothing.
#[test]
fn every_excuse_is_needed() {
    for failover in [None, Some(Failover::Handover), Some(Failover::Port)] {
        let excuses = failover.map_or(&EXCUSES[..], moved::excuses);
        for (name, _) in excuses {
            let script = LISTED.iter().find(|script| script.name == *name);
            let play = script.unwrap_or_else(|| panic!("{name} is no script")).play;
            let run = || play(&mut SocketBench { path: PathChoice::Offload, failover });
            assert!(std::panic::catch_unwind(run).is_err(), "{failover:?}: {name} needs no excuse");
        }
    }
}
