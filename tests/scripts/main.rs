//! The engine's packet scripts through the whole product: sockets, and below them the engine over a cable, or
//! driver and software adapter.

mod bench;
mod far;
mod world;

use bench::{EXCUSES, SocketBench};
use mafo::PathChoice;
use mafo_tcp::script::{Bench, cc, icmp, open, reset, user_timeout};

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
    type Script = fn(&mut dyn Bench);
    let excused: [(&str, Script); EXCUSES.len()] = [
        ("close_in_syn_sent", open::close_in_syn_sent::close_in_syn_sent),
        ("abort_is_silent_elsewhere", reset::abort_is_silent_elsewhere::abort_is_silent_elsewhere),
        (
            "error_in_syn_sent_ends_the_open",
            icmp::error_in_syn_sent_ends_the_open::error_in_syn_sent_ends_the_open,
        ),
        (
            "syn_times_out_by_the_user",
            user_timeout::syn_times_out_by_the_user::syn_times_out_by_the_user,
        ),
        (
            "payload_posted_early_carries_the_ack",
            open::payload_posted_early_carries_the_ack::payload_posted_early_carries_the_ack,
        ),
        (
            "syns_are_sent_as_often_as_asked_for",
            user_timeout::syns_are_sent_as_often_as_asked_for::syns_are_sent_as_often_as_asked_for,
        ),
        (
            "user_timeout_takes_the_place_of_the_count_of_keepalive_probes",
            user_timeout::user_timeout_takes_the_place_of_the_count_of_keepalive_probes
            ::user_timeout_takes_the_place_of_the_count_of_keepalive_probes,
        ),
        ("bbr_paces_the_initial_window", cc::bbr_paces_the_initial_window::bbr_paces_the_initial_window),
    ];
    for ((name, script), (excuse, _)) in excused.into_iter().zip(EXCUSES) {
        assert_eq!(name, excuse);
        let run = || script(&mut SocketBench { path: PathChoice::Offload });
        assert!(std::panic::catch_unwind(run).is_err(), "{name} needs no excuse");
    }
}
