//! Demo and drill on several lcores: the same verdicts as on one.

use mafo::eal::lcore;

use crate::cases::Outcome;
use crate::{mafo, no_kernel_peer};

/// The number behind a key of a JSON object.
fn number(json: &str, key: &str) -> Option<u64> {
    let (_, rest) = json.split_once(&format!("\"{key}\":"))?;
    rest.split([',', '}']).next()?.parse().ok()
}

/// Runs what has to come out well on `lcores` lcores; its JSON object and what it said meanwhile.
fn good(lcores: usize, arguments: &[&str]) -> (String, String) {
    let count = lcores.to_string();
    let all = [arguments, &["--lcores", &count, "--json"]].concat();
    let output = mafo(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert!(json.contains("\"ok\":true"), "{json}");
    assert_eq!(number(&json, "lcores"), Some(lcores as u64), "{json}");
    // Each lcore has some of the connections, and they are all there are.
    let (_, shares) = json.split_once("; on the lcores ").expect("shares");
    let shares = shares.split(['"', ';']).next().expect("an end").split(", ");
    let shares: Vec<u64> = shares.map(|n| n.parse().expect("a number")).collect();
    assert_eq!(Some(shares.iter().sum()), number(&json, "connections"), "{json}");
    assert!(shares.len() == lcores && !shares.contains(&0), "{json}");
    (json, progress)
}

/// Two drills of a fault on two lcores.
fn two(peer: &str, fault: &str, further: &[&str]) {
    let few = ["drill", "--peer", peer, "--fault", fault, "--count", "2", "--connections", "8"];
    let (json, _) = good(2, &[&few[..], further].concat());
    for (key, wanted) in [
        ("count", 2),
        ("survived", 8),
        ("offloaded", 8),
        ("resets", 0),
        ("bytes_corrupt", 0),
        ("left_over", 0),
    ] {
        assert_eq!(number(&json, key), Some(wanted), "{fault}: {key}: {json}");
    }
    // In balance-xor only those move that lived where the fault was.
    let moved = number(&json, "handed_over").expect("a number");
    let all = further.iter().all(|option| *option == "--one-card");
    assert!(if all { moved == 16 } else { moved > 0 }, "{fault}: {json}");
    for lcore in ["lcore 0: ", "lcore 1: "] {
        assert!(json.contains(lcore), "{fault}: nothing of {lcore}in {json}");
    }
}

const FAULTS: [&str; 6] = ["link", "blackhole", "port", "adapter", "move", "failback"];

pub(crate) fn smoltcp() -> Outcome {
    for fault in FAULTS {
        two("smoltcp", fault, &[]);
    }
    Outcome::Done
}

pub(crate) fn kernel() -> Outcome {
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    for fault in FAULTS {
        two("kernel", fault, &[]);
    }
    Outcome::Done
}

/// All links carry; a port without an adapter, whose connections the host of each lcore has.
pub(crate) fn bonds() -> Outcome {
    two("smoltcp", "link", &["--bond", "mode=balance-xor"]);
    two("smoltcp", "adapter", &["--adapters", "t540-cr,eth"]);
    Outcome::Done
}

pub(crate) fn demo() -> Outcome {
    let few = ["demo", "--connections", "8", "--bytes", "128K", "--rounds", "2"];
    good(2, &[&few[..], &["--peer", "smoltcp"]].concat());
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    good(2, &[&few[..], &["--peer", "kernel"]].concat());
    Outcome::Done
}

/// The lcores have queues of two cards in place of functions of their own: the same verdicts.
pub(crate) fn one_card() -> Outcome {
    for fault in FAULTS {
        two("smoltcp", fault, &["--one-card"]);
    }
    two("smoltcp", "link", &["--one-card", "--bond", "mode=balance-xor"]);
    let few = ["demo", "--connections", "8", "--bytes", "128K", "--rounds", "2", "--one-card"];
    let (json, progress) = good(2, &[&few[..], &["--peer", "smoltcp"]].concat());
    assert!(json.contains("\"one_card\":true"), "{json}");
    assert!(progress.contains("which share both adapters"), "{progress}");
    for (further, why) in [
        (&["--lcores", "1"][..], "name as many to --lcores"),
        (&["--lcores", "2", "--adapters", "t540-cr,eth"], "eth is none"),
        (&["--lcores", "2", "--idle", "sleep"], "its doorbells wake nobody"),
        (&["--lcores", "8"], "8 lcores of one host: 1 to 7"),
    ] {
        let output = mafo(&[&["demo", "--peer", "smoltcp", "--one-card"], further].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(why), "{error}");
    }
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    good(2, &[&few[..], &["--peer", "kernel"]].concat());
    Outcome::Done
}

/// What goes wrong on one lcore alone is in the sum of all.
pub(crate) fn spoilt() -> Outcome {
    for (what, reason) in [
        ("tid", "1 things not given back to the adapters (lcore 1 A: 1 tids of the driver)"),
        ("rst", "resets"),
        ("payload", "bytes corrupt"),
        ("tunnel", "through the tunnel"),
    ] {
        let few = ["demo", "--connections", "8", "--bytes", "64K", "--peer", "smoltcp"];
        let all = [&few[..], &["--lcores", "2", "--break", what, "--json"]].concat();
        let output = mafo(&all);
        let json = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{all:?}: {json}");
        assert!(json.contains("\"ok\":false") && json.contains(reason), "{what}: {json}");
    }
    Outcome::Done
}

/// It works, and says so; and what cannot be is refused.
pub(crate) fn more_than_cores() -> Outcome {
    let lcores = lcore::offered().len() + 1;
    let few = ["drill", "--connections", "16", "--count", "1", "--peer", "smoltcp"];
    let (_, progress) = good(lcores, &few);
    let shared = format!("{lcores} lcores share {} core", lcores - 1);
    assert_eq!(progress.matches(&shared).count(), 1, "{progress}");
    for wrong in ["0", "65", "two"] {
        for command in ["demo", "drill"] {
            let output = mafo(&[command, "--lcores", wrong]);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(error.contains("--lcores") && error.contains(wrong), "{error}");
        }
    }
    Outcome::Done
}
