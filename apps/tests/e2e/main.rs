//! The program as its users run it: the demo against Linux and against smoltcp, its verdict with
//! something spoilt, and bad command lines.

#[path = "../cases/mod.rs"]
mod cases;
mod config;
mod drill;
mod echo;
mod idle;
mod lcores;
mod telemetry;

mod capture;
mod signals;

use std::process::{Command, ExitCode, Output};

use cases::Outcome;

fn main() -> ExitCode {
    let cases: &[cases::Case] = &[
        ("kernel: a cable is cut", kernel_link),
        ("kernel: there and back", kernel_rounds),
        ("kernel: a port of one adapter", kernel_port),
        ("kernel: on a lossy path", kernel_loss),
        ("kernel: only the peer sends", kernel_in),
        ("kernel: two demos at once", kernel_two),
        ("kernel: a bridge that floods and forgets", kernel_flood),
        ("kernel: what the peer sees of a cut", || capture::kernel("link", &[], 1)),
        ("kernel: what the peer sees of another port", || {
            capture::kernel("port", &["--fault", "port"], 0)
        }),
        ("kernel: what the peer sees of two cuts", || {
            capture::kernel("rounds", &["--rounds", "2"], 2)
        }),
        ("kernel: what the peer sees with loss", || {
            capture::kernel("loss", &["--loss", "0.01"], 1)
        }),
        ("smoltcp: what the peer sees of a cut", capture::smoltcp),
        ("smoltcp: what the peer sees of a reset", capture::reset_is_seen),
        ("smoltcp: no room for captures", capture::no_room),
        ("kernel: Ctrl-C at the start", || signals::kernel(signals::START)),
        ("kernel: Ctrl-C when the peer is up", || signals::kernel(signals::PEER_UP)),
        ("kernel: Ctrl-C during the transfer", || signals::kernel(signals::TRANSFER)),
        ("kernel: Ctrl-C in the tunnel", || signals::kernel(signals::TUNNEL)),
        ("kernel: Ctrl-C during handovers", || signals::kernel(signals::HANDOVER)),
        ("kernel: SIGTERM during handovers", || signals::kernel(signals::HANDOVER.by_sigterm())),
        ("smoltcp: Ctrl-C at the start", || signals::smoltcp(signals::START)),
        ("smoltcp: Ctrl-C during the transfer", || signals::smoltcp(signals::TRANSFER)),
        ("smoltcp: Ctrl-C in the tunnel", || signals::smoltcp(signals::TUNNEL)),
        ("smoltcp: Ctrl-C during handovers", || signals::smoltcp(signals::HANDOVER)),
        ("smoltcp: a cable is cut", smoltcp_link),
        ("smoltcp: a port of one adapter", smoltcp_port),
        ("the verdict sees a tunnel that carries nothing", || spoilt("tunnel")),
        ("the verdict sees a changed byte", || spoilt("payload")),
        ("the verdict sees a reset", || spoilt("rst")),
        ("the verdict sees an upload that is left out", || spoilt("upload")),
        ("the verdict sees a tid that leaks", || spoilt("tid")),
        ("the verdict sees a cut that comes late", || spoilt("late")),
        ("the verdict sees a connection that stands still", || spoilt("stuck")),
        ("telemetry: what is in the way", telemetry::in_the_way),
        ("telemetry: a drill on two lcores", telemetry::drill),
        ("telemetry: beside what Linux says", echo::told),
        ("wrong flags and values are named", wrong_flags),
        ("smoltcp: five drills of each fault", drill::smoltcp),
        ("kernel: five drills of each fault", drill::kernel),
        ("drill: each kind of handover", drill::kinds),
        ("drill: adapters that acknowledge ahead of their host", drill::unprotected),
        ("drill: limits are kept, or it fails", drill::limits),
        ("demo and drill: a page with plots", drill::page),
        ("demo and drill: unlike adapters", drill::adapters),
        ("demo and drill: ports without adapters", drill::ports),
        ("demo and drill: all links carry", drill::xor),
        ("drill: wrong flags and values are named", drill::wrong_flags),
        ("drill: Ctrl-C ends it in order", drill::ends_in_order),
        ("lcores: two drills of each fault against smoltcp", lcores::smoltcp),
        ("lcores: two drills of each fault against the kernel", lcores::kernel),
        ("lcores: other bonds", lcores::bonds),
        ("lcores: they share two cards", lcores::one_card),
        ("lcores: demos", lcores::demo),
        ("lcores: the verdict sums up what each has", lcores::spoilt),
        ("lcores: more of them than cores", lcores::more_than_cores),
        ("lcores: Ctrl-C during the transfer", || signals::lcores(signals::TRANSFER)),
        ("idle: drills of each fault by lcores that sleep, against smoltcp", idle::smoltcp),
        ("idle: drills of each fault by lcores that sleep, against the kernel", idle::kernel),
        ("idle: other bonds", idle::bonds),
        ("idle: who has nothing to do sleeps", idle::sleeps),
        ("idle: who polls does not sleep", idle::polls),
        ("idle: wrong values are named", idle::wrong),
        ("idle: Ctrl-C ends a drill in order", drill::ends_in_order_asleep),
        ("echo: cables are pulled", echo::cables),
        ("echo: both cables are down for a while", echo::both_down),
        ("echo: the policy is read again", echo::reload),
        ("echo: wrong arguments are named", echo::bad_input),
        ("echo: the help says how it waits", echo::help),
        ("config: a file is checked", config::check),
        ("config: a demo from a file", config::demo),
    ];
    cases::run(cases.iter().copied())
}

fn mafo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mafo")).args(arguments).output().expect("the program runs")
}

/// Runs a demo that has to come out well; its JSON object.
fn good(arguments: &[&str]) -> String {
    let all = [&["demo", "--json"], arguments].concat();
    let output = mafo(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert!(json.contains("\"ok\":true"), "{json}");
    assert_eq!(json.lines().count(), 1, "exactly one object");
    json
}

/// Why there is no Linux to be had as a peer, if so.
fn no_kernel_peer() -> Option<Outcome> {
    let probe =
        mafo(&["demo", "--peer", "kernel", "--connections", "1", "--bytes", "1K", "--json"]);
    (probe.status.code() == Some(2)).then(|| {
        let why = String::from_utf8_lossy(&probe.stderr);
        Outcome::Skipped(why.lines().last().unwrap_or("no kernel peer").to_owned())
    })
}

/// Runs a demo against Linux, if there is one to be had.
fn against_kernel(arguments: &[&str]) -> Outcome {
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    let json = good(&[&["--peer", "kernel"], arguments].concat());
    assert!(json.contains("\"peer\":\"kernel\""), "{json}");
    Outcome::Done
}

fn kernel_link() -> Outcome {
    against_kernel(&["--connections", "16", "--bytes", "256K"])
}

fn kernel_rounds() -> Outcome {
    against_kernel(&["--connections", "6", "--bytes", "128K", "--rounds", "2"])
}

fn kernel_port() -> Outcome {
    against_kernel(&["--connections", "8", "--bytes", "256K", "--fault", "port"])
}

fn kernel_loss() -> Outcome {
    against_kernel(&["--connections", "8", "--bytes", "128K", "--loss", "0.01"])
}

fn kernel_in() -> Outcome {
    against_kernel(&["--connections", "8", "--bytes", "256K", "--direction", "in"])
}

/// Half of the connections are idle for three seconds, and for most of them the others are silent too:
/// the bridge, whose ageing time is one second, forgets where we are. So the peer's next frames reach
/// both links, before the first cut as when A0 is back, and the only one that is up in between.
fn kernel_flood() -> Outcome {
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    let traffic = ["--connections", "8", "--bytes", "256K", "--rounds", "2"];
    let json = good(&[&["--peer", "kernel", "--flood"], &traffic[..]].concat());
    let floods = json.matches("flooded before the cut").count();
    assert_eq!((floods, json.matches("flooded after the handovers").count()), (2, 2), "{json}");
    Outcome::Done
}

/// Both have the same addresses and names, each in a namespace of its own.
fn kernel_two() -> Outcome {
    let other = std::thread::spawn(|| against_kernel(&["--connections", "4", "--bytes", "256K"]));
    let first = against_kernel(&["--connections", "4", "--bytes", "256K", "--seed", "2"]);
    assert_eq!(other.join().expect("the other demo"), first);
    first
}

fn smoltcp_link() -> Outcome {
    let json = good(&["--peer", "smoltcp", "--connections", "8", "--bytes", "128K"]);
    assert!(json.contains("\"peer\":\"smoltcp\""), "{json}");
    Outcome::Done
}

fn smoltcp_port() -> Outcome {
    good(&["--peer", "smoltcp", "--connections", "4", "--bytes", "128K", "--fault", "port"]);
    Outcome::Done
}

/// The demo exits 1 and says why.
fn spoilt(what: &str) -> Outcome {
    // Who gets no further must not have all of it by then.
    let bytes = if what == "stuck" { "4M" } else { "64K" };
    let arguments = ["--connections", "2", "--bytes", bytes, "--peer", "smoltcp", "--json"];
    let all = [&["demo", "--break", what][..], &arguments].concat();
    let output = mafo(&all);
    let json = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{all:?}: {json}");
    let reason = match what {
        "tunnel" => "through the tunnel",
        "payload" => "bytes corrupt",
        "rst" => "resets",
        "upload" => "handed over",
        "tid" => "not given back",
        "stuck" => "on 1 of 2 connections",
        _ => "in flight at the cut",
    };
    assert!(json.contains("\"ok\":false") && json.contains(reason), "{what}: {json}");
    Outcome::Done
}

fn wrong_flags() -> Outcome {
    for (arguments, named) in [
        (&["demo", "--connectoins", "3"][..], "--connections"),
        (&["demo", "--connections", "0"], "1..=4096"),
        (&["demo", "--peer", "bsd"], "kernel"),
        (&["demo", "--bytes", "8X"], "K, M, G"),
        (&["demo", "--delay", "5"], "us, ms or s"),
        (&["dmeo"], "demo"),
    ] {
        let output = mafo(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(named), "{arguments:?} does not name {named}: {error}");
    }
    Outcome::Done
}
