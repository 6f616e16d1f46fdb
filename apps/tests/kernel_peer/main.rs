//! The kernel peer by itself: the namespace comes up and goes away, the bridge learns and does not
//! flood, Linux answers, connections between two such hosts carry their streams.

#[path = "../cases/mod.rs"]
mod cases;

mod bridge;
mod capture;
mod frames;
mod hosts;
mod lifetime;
mod limits;
mod smol;
mod traffic;

use std::process::ExitCode;

fn main() -> ExitCode {
    mafo_apps::peer::run_if_asked();
    if let Some(code) = hosts::run_role_if_asked(&[
        ("hold", lifetime::hold),
        ("start", limits::start_and_say),
        ("few files", limits::start_with_few_files),
        ("no tun", limits::start_without_tun),
    ]) {
        return code;
    }
    let cases: &[cases::Case] = &[
        ("comes up as root", bridge::comes_up_as_root),
        ("comes up in a user namespace", bridge::comes_up_in_a_user_namespace),
        ("has as many cables as asked for", bridge::has_as_many_cables_as_asked_for),
        ("tells of a carrier that is lost", bridge::tells_of_a_carrier_that_is_lost),
        ("answers ARP", bridge::answers_arp),
        ("unknown unicast is not flooded", bridge::unknown_unicast_is_not_flooded),
        (
            "unknown unicast is flooded when asked for",
            bridge::unknown_unicast_is_flooded_when_asked,
        ),
        ("the bridge follows gratuitous ARP", bridge::follows_gratuitous_arp),
        ("the bridge forgets a cable that is cut", bridge::forgets_a_cable_that_is_cut),
        ("the bridge forgets after the ageing time", bridge::forgets_after_the_ageing_time),
        ("pings, and counts right replies only", bridge::pings),
        ("the capture has every frame", bridge::the_capture_has_every_frame),
        ("streams both ways, both opens", traffic::streams_both_ways),
        ("one direction only", traffic::one_direction_only),
        ("the capture has every byte", traffic::the_capture_has_every_byte),
        ("a changed byte is counted", traffic::a_changed_byte_is_counted),
        ("a reset is an error at the other end", traffic::a_reset_is_an_error),
        ("a refused connection is an error", traffic::a_refused_connection_is_an_error),
        ("strangers are reset", traffic::strangers_are_reset),
        ("a paused sender sends nothing", traffic::a_paused_sender_sends_nothing),
        ("timeouts are counted", traffic::timeouts_are_counted),
        ("the stall spans the mark", traffic::the_stall_spans_the_mark),
        ("hundreds of connections over two addresses", traffic::hundreds_of_connections),
        ("echo over smoltcp", traffic::echo),
        ("wrong commands are refused", traffic::wrong_commands_are_refused),
        ("nothing is left when the parent is killed", lifetime::parent_killed),
        ("nothing is left when the value is dropped", lifetime::dropped),
        ("the end of the peer process is noticed", lifetime::peer_killed),
        ("signals of the terminal are the parent's", lifetime::terminal_signals),
        ("the thread that started it may end", lifetime::starting_thread_ends),
        ("few open files", limits::few_open_files),
        ("no TUN driver", limits::no_tun_driver),
        ("an unprivileged user", limits::an_unprivileged_user),
        ("a capture file that cannot be written", limits::capture_file),
        ("plans that cannot work", limits::impossible_plans),
    ];
    cases::run(cases.iter().copied())
}
